"""Puts the house together: the only module that names adapters."""

import asyncio
import contextlib
import functools
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.metadata import entry_points, version

import httpx
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import problems
from app.adapters import demo_pictures
from app.adapters.card_orders.embedded import EmbeddedCardOrders
from app.adapters.card_orders.gateway import GatewayCardOrders
from app.adapters.certifications.embedded import EmbeddedCertifications
from app.adapters.certifications.gateway import GatewayCertifications
from app.adapters.clock import SharedClock
from app.adapters.face.sandbox import SCENARIOS
from app.adapters.hooks import HttpHooks
from app.adapters.images.workers import WorkerImages
from app.adapters.insurance.embedded import Behaviour, EmbeddedInsurance
from app.adapters.insurance.gateway import GatewayInsurance
from app.adapters.keys.file import FileKeys
from app.adapters.messages.gateway import GatewayMessages
from app.adapters.messages.inbox import InboxMessages
from app.adapters.messages.push import GatewayPush
from app.adapters.papers.workers import WorkerPapers
from app.adapters.reader.rapidocr import RapidReader
from app.adapters.register.embedded import EmbeddedRegister
from app.adapters.register.events import SignedRegisterEvents
from app.adapters.storage.objects import FolderObjects, S3Objects
from app.adapters.transfers.embedded import EmbeddedTransfers
from app.adapters.transfers.gateway import GatewayTransfers
from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.passwords import Passwords
from app.core.sealing import Chain, Lookup, Vault
from app.core.settings import Environment, Settings
from app.core.tokens.access import AccessTokens
from app.core.tokens.addresses import ReadingAddresses
from app.core.tokens.codes import PresentationCodes
from app.core.tokens.handovers import HandoverTokens
from app.core.tokens.published import Published
from app.core.tokens.refresh import RefreshTokens
from app.openapi.document import Api
from app.ports import Ports, Sandbox
from app.ports.card_orders import CardOrders
from app.ports.certifications import Certifications
from app.ports.face import FaceProvider, FrameFaceProvider
from app.ports.insurance import Authority, InsuranceRecords
from app.ports.keys import Keys, Purpose
from app.ports.messages import Messages
from app.ports.register import RegisterEvents
from app.ports.storage import ObjectStore
from app.ports.transfers import Transfers
from app.routers import (
    accounts,
    activity,
    callbacks,
    card_orders,
    card_passwords,
    certifications,
    channels,
    consents,
    dev,
    dev_terminals,
    documents,
    enrolments,
    faces,
    family,
    handovers,
    holders,
    link_endings,
    notices,
    notifications,
    offices,
    operations,
    pages,
    privacy,
    reconfirmations,
    reference,
    relationships,
    reviews,
    rights,
    rights_statements,
    showings,
    staff,
    statements,
    transfers,
    upgrades,
)
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
    vault = Vault(ring, ring.secret(Purpose.SYSTEM))
    db = Database(
        database_url,
        clock=clock,
        vault=vault,
        lookup=Lookup(ring.secret(Purpose.ROUTING), ring.peppers()),
        chain=Chain(ring.secret(Purpose.AUDIT)),
        connections=settings.database_connections,
        timeout_seconds=settings.database_timeout_seconds,
    )
    inbox, register, client = InboxMessages(db), EmbeddedRegister(db), httpx.AsyncClient(timeout=10, verify=_trusted())
    images = WorkerImages(
        workers=settings.image_workers,
        keep_comment=SANDBOX_COMMENT if "sandbox" in settings.face_providers else None,
    )
    faces = _face_providers(settings, clock, client)
    presorters = _presorters(settings, faces, clock, client)
    readers = (RapidReader(),) if settings.document_reader == "rapidocr" else ()
    ports = Ports(
        clock=clock,
        keys=ring,
        messages=_messages(settings, inbox, clock, client),
        hooks=HttpHooks(clock, client),
        push=None if settings.push_gateway is None else GatewayPush(settings.push_gateway, clock, client),
        register=register,
        register_events=_register_events(settings, clock),
        certifications=_certifications(settings, db, clock, client),
        images=images,
        papers=WorkerPapers(images.pool),
        insurance=insurance(settings, db, clock, client),
        store=_store(settings),
        faces=faces,
        reader=next(iter(readers), None),
        presorter=next(iter(presorters), None),
        transfers=_transfers(settings, db, clock, client),
        card_orders=_card_orders(settings, db, register, clock, client),
    )
    published = Published(ring.signing(), issuer=settings.public_url)
    sandbox = None
    if isinstance(clock, SharedClock):
        sandbox = Sandbox(
            inbox=inbox,
            people=register.test_people,
            change_person=register.change,
            move_clock=lambda by: clock.move_everywhere(db, by),
            picture=demo_pictures.picture,
            scenarios=SCENARIOS,
            behave=lambda authority, behaviour: _behave(ports.insurance[authority], behaviour),
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
        codes=PresentationCodes(published, ring.secret(Purpose.PRESENTATION_CODES), clock=clock),
        addresses=ReadingAddresses(ring.secret(Purpose.READING_ADDRESSES), clock=clock),
        passwords=Passwords(ring.secret(Purpose.PASSWORD_PEPPER)),
        population=Population.WITH_TEST_PEOPLE if is_development else Population.LIVING,
        traffic=Traffic(
            requests_per_minute=settings.requests_per_minute,
            sms_codes_per_hour=settings.sms_codes_per_hour_and_address,
            statement_checks_per_minute=settings.statement_checks_per_minute_and_address,
        ),
        meter=Meter(),
        stopping=asyncio.Event(),
        closing=(
            images.close,
            *(face.close for face in faces.values()),
            *(face.close for face in presorters if face.name not in faces),
            *(reader.close for reader in readers),
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
    modules = (
        operations,
        accounts,
        notices,
        relationships,
        enrolments,
        documents,
        handovers,
        pages,
        reference,
        consents,
        faces,
        callbacks,
        card_passwords,
        upgrades,
        holders,
        activity,
        card_orders,
        transfers,
        channels,
        certifications,
        showings,
        rights_statements,
        rights,
        family,
        link_endings,
        reconfirmations,
        notifications,
        privacy,
        offices,
        staff,
        reviews,
        statements,
    )
    # Routers are whole as they stand; to include them would build every route anew at the app's first requests.
    for module in (*modules, *((dev, dev_terminals) if house.sandbox is not None else ())):
        app.router.routes.extend(module.router.routes)
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


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return whom this process trusts; the certificates take as long to read as all else here."""
    return httpx.create_ssl_context()


def _register_events(settings: Settings, clock: Clock) -> RegisterEvents | None:
    secrets = settings.register_secrets.get_secret_value()
    return SignedRegisterEvents(secrets, clock) if secrets else None


def _store(settings: Settings) -> ObjectStore:
    if settings.s3 is not None and settings.object_store == "s3":
        return S3Objects(
            bucket=settings.s3.bucket,
            region=settings.s3.region,
            endpoint=settings.s3.endpoint,
            access_key_id=settings.s3.access_key_id,
            secret_access_key=settings.s3.secret_access_key.get_secret_value(),
        )
    return FolderObjects(settings.data_folder / "objects")


def _messages(settings: Settings, inbox: InboxMessages, clock: Clock, client: httpx.AsyncClient) -> Messages:
    if settings.messages_gateway is not None and settings.messages_adapter == "gateway":
        return GatewayMessages(settings.messages_gateway, clock, client)
    return inbox


def _certifications(settings: Settings, db: Database, clock: Clock, client: httpx.AsyncClient) -> Certifications:
    if settings.certifications_gateway is not None and settings.certifications_adapter == "gateway":
        return GatewayCertifications(settings.certifications_gateway, clock, client)
    return EmbeddedCertifications(db)


def _card_orders(
    settings: Settings, db: Database, register: EmbeddedRegister, clock: Clock, client: httpx.AsyncClient
) -> CardOrders:
    if settings.card_orders_gateway is not None and settings.card_orders_adapter == "gateway":
        return GatewayCardOrders(settings.card_orders_gateway, clock, client)
    return EmbeddedCardOrders(db, register)


def _transfers(settings: Settings, db: Database, clock: Clock, client: httpx.AsyncClient) -> Transfers:
    if settings.transfers_gateway is not None and settings.transfers_adapter == "gateway":
        return GatewayTransfers(settings.transfers_gateway, clock, client)
    return EmbeddedTransfers(db)


def insurance(
    settings: Settings, db: Database, clock: Clock, client: httpx.AsyncClient
) -> Mapping[Authority, InsuranceRecords]:
    """Return the insurance authorities that the settings name."""
    gateways = {
        Authority.HUMAN_RESOURCES: settings.insurance_human_resources,
        Authority.HEALTHCARE_SECURITY: settings.insurance_healthcare_security,
    }
    return {
        each: GatewayInsurance(each, gateway, clock, client)
        if gateway is not None and settings.insurance_adapter == "gateway"
        else EmbeddedInsurance(db, each)
        for each, gateway in gateways.items()
    }


def _behave(records: InsuranceRecords, behaviour: str) -> bool:
    """Let a stand-in behave in some way; say whether it is one."""
    if isinstance(records, EmbeddedInsurance):
        records.behaviour = Behaviour(behaviour)
    return isinstance(records, EmbeddedInsurance)


def _face_providers(settings: Settings, clock: Clock, client: httpx.AsyncClient) -> dict[str, FaceProvider]:
    """Make the face providers that installed packages offer under the names of the setting.

    Raises:
        LookupError: none does, or one lacks an option.
    """
    return {name: _made(name, settings, clock, client) for name in settings.face_providers}


def _presorters(
    settings: Settings, faces: Mapping[str, FaceProvider], clock: Clock, client: httpx.AsyncClient
) -> tuple[FrameFaceProvider, ...]:
    """Return what compares faces before people review them, if the setting names one; it may be a face provider too.

    Raises:
        LookupError: no installed package offers it, it lacks an option, or it does not judge on this server.
    """
    name = settings.review_presorter
    if not name:
        return ()
    found = faces[name] if name in faces else _made(name, settings, clock, client)
    if not isinstance(found, FrameFaceProvider):
        raise LookupError(
            f"the face provider {name!r} does not judge on this server: reviews cannot be presorted by it"
        )
    return (found,)


def _made(name: str, settings: Settings, clock: Clock, client: httpx.AsyncClient) -> FaceProvider:
    options = {key: value.get_secret_value() for key, value in settings.face_options.get(name, {}).items()}
    return _face_provider(name)(clock=clock, client=client, options=options)


@functools.cache
def _face_provider(name: str) -> Callable[..., FaceProvider]:
    """Return what makes the face providers that an installed package offers under a name; to look takes a moment.

    Raises:
        LookupError: none does.
    """
    found = entry_points(group="escard.face_providers", name=name)
    if not found:
        raise LookupError(f"no installed package offers a face provider named {name!r}")
    made: Callable[..., FaceProvider] = next(iter(found)).load()
    return made
