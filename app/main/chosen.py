"""Which adapters the settings name: one function for each port that has more than one."""

import functools
import ssl
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

import httpx

from app.adapters.card_orders.embedded import EmbeddedCardOrders
from app.adapters.card_orders.gateway import GatewayCardOrders
from app.adapters.certifications.embedded import EmbeddedCertifications
from app.adapters.certifications.gateway import GatewayCertifications
from app.adapters.channel_identity.alipay import AlipayChannelIdentity
from app.adapters.channel_identity.demo import DemoChannelIdentity
from app.adapters.channel_identity.wechat import WechatChannelIdentity
from app.adapters.insurance.embedded import Behaviour, EmbeddedInsurance
from app.adapters.insurance.gateway import GatewayInsurance
from app.adapters.medical_funds.embedded import EmbeddedMedicalFunds
from app.adapters.messages.gateway import GatewayMessages
from app.adapters.messages.inbox import InboxMessages
from app.adapters.national.card_orders import NationalCardOrders
from app.adapters.national.gateway import NationalGateway
from app.adapters.national.medical_funds import NationalMedicalFunds
from app.adapters.national.register import NationalRegister
from app.adapters.national.rights import NationalInsurance
from app.adapters.national.signing import Sm2Signer, public_key
from app.adapters.register.embedded import EmbeddedRegister
from app.adapters.register.events import SignedRegisterEvents
from app.adapters.signer.openssl import OpenSslSigner
from app.adapters.storage.objects import FolderObjects, S3Objects
from app.adapters.transfers.embedded import EmbeddedTransfers
from app.adapters.transfers.gateway import GatewayTransfers
from app.core.clock import Clock
from app.core.db import Database
from app.core.settings import Environment, Settings
from app.ports.card_orders import CardOrders
from app.ports.certifications import Certifications
from app.ports.channel_identity import ChannelIdentity
from app.ports.face import FaceProvider, FrameFaceProvider
from app.ports.insurance import Authority, InsuranceRecords
from app.ports.medical_funds import MedicalFunds
from app.ports.messages import Messages
from app.ports.register import Register, RegisterEvents
from app.ports.signer import Signer
from app.ports.storage import ObjectStore
from app.ports.transfers import Transfers


@functools.cache
def trusted_roots() -> ssl.SSLContext:
    """Return whom this process trusts; the certificates take as long to read as all else here."""
    return httpx.create_ssl_context()


def national_gateway(
    settings: Settings, clock: Clock, client: httpx.AsyncClient, signer: Signer | None
) -> NationalGateway | None:
    """Return the national gateway, if the settings name it; whoever goes through it shares what it remembers.

    Raises:
        LookupError: a secret or a key is none; the words do not tell it.
    """
    told = settings.national_gateway
    if told is None:
        return None
    try:
        by_sm2 = Sm2Signer(signer, public_key(told.sm2_key)) if signer is not None and told.sm2_key else None
        return NationalGateway(told, clock, client, by_sm2)
    except ValueError as error:
        raise LookupError(f"the settings of the national gateway cannot be used: {error}") from None


def register(
    settings: Settings, embedded: EmbeddedRegister, national: NationalGateway | None, clock: Clock
) -> Register:
    """Return the citizen register."""
    if national is not None and settings.register_adapter == "gateway":
        return NationalRegister(national, clock)
    return embedded


def register_events(settings: Settings, clock: Clock) -> RegisterEvents | None:
    """Return what verifies the events of the register, if there is a secret for them."""
    secrets = settings.register_secrets.get_secret_value()
    return SignedRegisterEvents(secrets, clock) if secrets else None


def signer(settings: Settings) -> Signer | None:
    """Return what signs by SM2, if anything does.

    Raises:
        LookupError: it cannot.
    """
    return OpenSslSigner(settings.signer_key_path) if settings.signer == "openssl" else None


def object_store(settings: Settings) -> ObjectStore:
    """Return where documents lie."""
    if settings.s3 is not None and settings.object_store == "s3":
        return S3Objects(
            bucket=settings.s3.bucket,
            region=settings.s3.region,
            endpoint=settings.s3.endpoint,
            access_key_id=settings.s3.access_key_id,
            secret_access_key=settings.s3.secret_access_key.get_secret_value(),
        )
    return FolderObjects(settings.data_folder / "objects")


def messages(settings: Settings, inbox: InboxMessages, clock: Clock, client: httpx.AsyncClient) -> Messages:
    """Return what sends messages to phones."""
    if settings.messages_gateway is not None and settings.messages_adapter == "gateway":
        return GatewayMessages(settings.messages_gateway, clock, client)
    return inbox


def benefit_authority(settings: Settings, db: Database, clock: Clock, client: httpx.AsyncClient) -> Certifications:
    """Return the authority that pays benefits."""
    if settings.certifications_gateway is not None and settings.certifications_adapter == "gateway":
        return GatewayCertifications(settings.certifications_gateway, clock, client)
    return EmbeddedCertifications(db)


def channel_identities(settings: Settings, clock: Clock, client: httpx.AsyncClient) -> Mapping[str, ChannelIdentity]:
    """Return the platforms that know the users of channels; the demo's in development alone."""
    real = {"alipay": AlipayChannelIdentity(clock, client), "wechat": WechatChannelIdentity(client)}
    return real if settings.environment is Environment.PRODUCTION else {**real, "demo": DemoChannelIdentity()}


def card_administration(
    settings: Settings,
    embedded: EmbeddedCardOrders,
    national: NationalGateway | None,
    clock: Clock,
    client: httpx.AsyncClient,
) -> CardOrders:
    """Return who makes physical cards."""
    if national is not None and settings.card_orders_adapter == "national":
        return NationalCardOrders(national, clock)
    if settings.card_orders_gateway is not None and settings.card_orders_adapter == "gateway":
        return GatewayCardOrders(settings.card_orders_gateway, clock, client)
    return embedded


def places(settings: Settings, db: Database, clock: Clock, client: httpx.AsyncClient) -> Transfers:
    """Return the places between which insurance moves."""
    if settings.transfers_gateway is not None and settings.transfers_adapter == "gateway":
        return GatewayTransfers(settings.transfers_gateway, clock, client)
    return EmbeddedTransfers(db)


def medical_funds(settings: Settings, db: Database, national: NationalGateway | None) -> MedicalFunds:
    """Return who keeps medical personal accounts."""
    if national is not None and settings.medical_funds_adapter == "national":
        return NationalMedicalFunds(national)
    return EmbeddedMedicalFunds(db)


def insurance(
    settings: Settings, db: Database, national: NationalGateway | None, clock: Clock, client: httpx.AsyncClient
) -> Mapping[Authority, InsuranceRecords]:
    """Return the insurance authorities that the settings name."""
    gateways = {
        Authority.HUMAN_RESOURCES: settings.insurance_human_resources,
        Authority.HEALTHCARE_SECURITY: settings.insurance_healthcare_security,
    }
    if national is not None and settings.insurance_adapter == "national":
        return {each: NationalInsurance(each, national, clock) for each in Authority}
    return {
        each: GatewayInsurance(each, gateway, clock, client)
        if gateway is not None and settings.insurance_adapter == "gateway"
        else EmbeddedInsurance(db, each)
        for each, gateway in gateways.items()
    }


def behave(records: InsuranceRecords, behaviour: str) -> bool:
    """Let a stand-in behave in some way; say whether it is one."""
    if isinstance(records, EmbeddedInsurance):
        records.behaviour = Behaviour(behaviour)
    return isinstance(records, EmbeddedInsurance)


def face_providers(settings: Settings, clock: Clock, client: httpx.AsyncClient) -> dict[str, FaceProvider]:
    """Make the face providers that installed packages offer under the names of the setting.

    Raises:
        LookupError: none does, or one lacks an option.
    """
    return {name: _made(name, settings, clock, client) for name in settings.face_providers}


def presorters(
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
