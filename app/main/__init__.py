"""Puts the house together: the only package that names adapters; which of them, says `chosen`."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.metadata import version

import httpx
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import problems
from app.adapters import demo_pictures
from app.adapters.card_orders.embedded import EmbeddedCardOrders
from app.adapters.clock import SharedClock
from app.adapters.face.sandbox import SCENARIOS
from app.adapters.hooks import HttpHooks
from app.adapters.images.workers import WorkerImages
from app.adapters.keys.file import FileKeys
from app.adapters.messages.inbox import InboxMessages
from app.adapters.messages.push import GatewayPush
from app.adapters.papers.workers import WorkerPapers
from app.adapters.reader.rapidocr import RapidReader
from app.adapters.register.embedded import EmbeddedRegister
from app.adapters.signer.turns import FewAtOnce
from app.core.clock import SystemClock
from app.core.db import Database
from app.core.passwords import OWASP, Passwords
from app.core.sealing import Chain, Lookup, Vault
from app.core.settings import Environment, Settings
from app.core.tokens.access import AccessTokens
from app.core.tokens.addresses import ReadingAddresses
from app.core.tokens.codes import PresentationCodes
from app.core.tokens.handovers import HandoverTokens
from app.core.tokens.published import Published
from app.core.tokens.refresh import RefreshTokens
from app.core.tokens.tickets import ChannelTickets
from app.main import chosen, routing
from app.openapi.document import Api
from app.ports import Ports, Sandbox
from app.ports.keys import KeyKind, Keys, Purpose
from app.routers import family, holders, operations, showings
from app.routers.deps import House
from app.routers.edge import Edge
from app.routers.metering import Meter
from app.routers.shortcuts import Shortcuts
from app.routers.traffic import Traffic
from app.services.accounts.sessions import Mint
from app.services.people.identifiers import Population

_CORS_HEADERS = (
    "Authorization",
    "Content-Type",
    "Face-Nonce",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Prefer",
)
SANDBOX_COMMENT = re.compile(r"sandbox:[a-z_]{1,40}")


def build(settings: Settings, database_url: str, *, keys: Keys | None = None) -> House:
    """Join settings and adapters to a house; nothing is opened yet."""
    ring = keys or FileKeys.read(settings.key_path)
    is_development = settings.environment is Environment.DEVELOPMENT
    clock = SharedClock() if is_development else SystemClock()
    suite = settings.cipher_suite
    vault = Vault(ring, ring.secret(Purpose.SYSTEM), suite)
    db = Database(
        database_url,
        clock=clock,
        vault=vault,
        lookup=Lookup(ring.secret(Purpose.ROUTING), ring.peppers(), ring.written(KeyKind.PEPPER)),
        chain=Chain(ring.secret(Purpose.AUDIT), suite),
        connections=settings.database_connections,
        timeout_seconds=settings.database_timeout_seconds,
    )
    inbox, register, client = (
        InboxMessages(db),
        EmbeddedRegister(db),
        httpx.AsyncClient(timeout=10, verify=chosen.trusted_roots()),
    )
    signer = chosen.signer(settings)
    national = chosen.national_gateway(settings, clock, client, signer)
    images = WorkerImages(
        workers=settings.image_workers,
        keep_comment=SANDBOX_COMMENT if "sandbox" in settings.face_providers else None,
    )
    faces = chosen.face_providers(settings, clock, client)
    presorters = chosen.presorters(settings, faces, clock, client)
    readers = (RapidReader(),) if settings.document_reader == "rapidocr" else ()
    ports = Ports(
        clock=clock,
        keys=ring,
        messages=chosen.messages(settings, inbox, clock, client),
        hooks=HttpHooks(clock, client, signer),
        signer=signer,
        verifier=None if signer is None else FewAtOnce(signer),
        push=None if settings.push_gateway is None else GatewayPush(settings.push_gateway, clock, client),
        register=chosen.register(settings, register, national, clock),
        register_events=chosen.register_events(settings, clock),
        certifications=chosen.benefit_authority(settings, db, clock, client),
        images=images,
        papers=WorkerPapers(images.pool),
        insurance=chosen.insurance(settings, db, national, clock, client),
        store=chosen.object_store(settings),
        faces=faces,
        reader=next(iter(readers), None),
        presorter=next(iter(presorters), None),
        transfers=chosen.places(settings, db, clock, client),
        card_orders=chosen.card_administration(settings, EmbeddedCardOrders(db, register), national, clock, client),
        medical_funds=chosen.medical_funds(settings, db, national),
        channel_identities=chosen.channel_identities(settings, clock, client),
    )
    published = Published(ring.signing(), issuer=settings.public_url, signs=ring.written(KeyKind.SIGNING))
    sandbox = None
    if isinstance(clock, SharedClock):
        sandbox = Sandbox(
            inbox=inbox,
            people=register.test_people,
            change_person=register.change,
            move_clock=lambda by: clock.move_everywhere(db, by),
            picture=demo_pictures.picture,
            scenarios=SCENARIOS,
            behave=lambda authority, behaviour: chosen.behave(ports.insurance[authority], behaviour),
        )
    return House(
        settings=settings,
        db=db,
        ports=ports,
        sandbox=sandbox,
        mint=Mint(
            AccessTokens(ring.secret(Purpose.ACCESS_TOKENS), issuer=settings.public_url, clock=clock),
            RefreshTokens(ring.secret(Purpose.REFRESH_TOKENS)),
            HandoverTokens(ring.secret(Purpose.HANDOVERS)),
        ),
        published=published,
        codes=PresentationCodes(published, ring.secret(Purpose.PRESENTATION_CODES), suite, clock=clock),
        tickets=ChannelTickets(ring.secret(Purpose.CHANNEL_TICKETS), settings.cipher_suite, clock=clock),
        addresses=ReadingAddresses(ring.secret(Purpose.READING_ADDRESSES), clock=clock),
        passwords=Passwords(
            ring.secret(Purpose.PASSWORD_PEPPER),
            suite,
            also={key.suite for key in ring.peppers().values()},
            cost=replace(OWASP, iterations=settings.pbkdf2_iterations),
        ),
        population=Population.WITH_TEST_PEOPLE if is_development else Population.LIVING,
        traffic=Traffic(
            requests_per_minute=settings.requests_per_minute,
            sms_codes_per_hour=settings.sms_codes_per_hour_and_address,
            statement_checks_per_minute=settings.statement_checks_per_minute_and_address,
        ),
        meter=Meter() if national is None else Meter(national.circuits),
        stopping=asyncio.Event(),
        closing=(
            images.close,
            *(face.close for face in faces.values()),
            *(face.close for face in presorters if face.name not in faces),
            *(reader.close for reader in readers),
            *(() if signer is None else (signer.close,)),
            client.aclose,
            db.close,
        ),
    )


def create_app(house: House) -> FastAPI:
    """Make the server of a house."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with opened(house):
            yield

    app = Api(
        title="escard",
        version=version("escard"),
        summary="The electronic social security card, for oneself and for one's family.",
        lifespan=lifespan,
        docs_url=None,  # our own, with what it needs
        redoc_url=None,
        redirect_slashes=False,  # behind a proxy the redirect would send the token over plain http
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.house = house
    app.state.readiness = operations.Readiness(house)
    problems.install(app)
    # Routers are whole as they stand; to include them would build every route anew at the app's first requests.
    app.router.routes.extend(routing.routes(with_sandbox=house.sandbox is not None))
    app.add_middleware(Shortcuts, house=house, reads={**holders.READS, **family.READS}, deeds=showings.DEEDS)
    if house.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(house.settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=_CORS_HEADERS,
            expose_headers=["ETag", "Idempotency-Replayed", "Retry-After", "WWW-Authenticate", "X-Request-Id"],
        )
    app.add_middleware(Edge, traffic=house.traffic, meter=house.meter, trusted_proxies=house.settings.trusted_proxies)
    return app


@contextlib.asynccontextmanager
async def opened(house: House) -> AsyncIterator[House]:
    """Open a house's connections, and close all of it in the end."""
    await house.db.open()
    looking = None
    if isinstance(house.ports.clock, SharedClock):
        await house.ports.clock.look(house.db)
        looking = asyncio.create_task(house.ports.clock.keep_looking(house.db))
    try:
        yield house
    finally:
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        house.passwords.close()
        for close in house.closing:
            await close()
