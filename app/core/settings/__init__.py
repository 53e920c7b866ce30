"""Every setting there is; read from the environment (prefix `ESCARD_`) once, in `app.main`."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.settings.groups import GatewaySettings, NationalGatewaySettings, S3Settings
from app.core.suites import Suite


class Environment(StrEnum):
    """Where this server runs: the demo and its sandboxes exist in development only."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """One frozen value; a dangerous mix is refused when it is built."""

    model_config = SettingsConfigDict(
        env_prefix="ESCARD_", env_nested_delimiter="__", extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    environment: Environment = Environment.DEVELOPMENT
    """`development` or `production`; production refuses sandboxes and the embedded database's demo people."""

    data_folder: Path = Path("var")
    """Folder of the embedded database, the key file and the local object store."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = Field(8000, ge=1, le=65535)
    """Port to listen on."""

    public_url: str = "http://127.0.0.1:8000"
    """Address under which clients and face providers reach this server; also the issuer of tokens."""

    database_url: SecretStr | None = None
    """PostgreSQL address for the server's role (`escard_app`), also with `?host=one,two`; empty: the embedded one."""

    owner_database_url: SecretStr | None = None
    """PostgreSQL address for the role that migrates (`escard_owner`); needed by `escard migrate` alone."""

    postgres_binaries: Path | None = None
    """Folder with `initdb` and `postgres` for the embedded server; empty takes the bundled PostgreSQL 18."""

    database_connections: int = Field(8, ge=2, le=50)
    """Connections a process holds at most, for writes and for hot reads each."""

    database_timeout_seconds: float = Field(10, gt=0)
    """A statement that takes longer is given up."""

    key_file: Path | None = None
    """File of the key ring, made by `escard keys init`; empty means `keys.json` in the data folder."""

    cipher_suite: Suite = Suite.INTERNATIONAL
    """What protects what is written from now on: `international`, or `sm`; both are read (docs/ciphers.md)."""

    pbkdf2_iterations: int = Field(600_000, ge=600_000, le=3_000_000)
    """Iterations of PBKDF2-HMAC-SM3, which hashes passwords under `sm`; hashes of others are read (docs/ciphers.md)."""

    signer: Literal["none", "openssl"] = "none"
    """What signs by SM2, and checks what channels sign so: `none`, or the system's `openssl` (docs/ciphers.md)."""

    signer_key_file: Path | None = None
    """The private key of `signer`, made by `escard signer init`; empty means `sm2.pem` in the data folder."""

    rekey_rows_per_second: int = Field(500, ge=1, le=100_000)
    """How many rows a worker looks at in a second while it brings them under new keys (docs/keys.md)."""

    object_store: Literal["local", "s3"] = "local"
    """Where sealed documents lie: `local` (a folder) or `s3`."""

    s3: S3Settings | None = None
    """The bucket, when `object_store` is `s3` (`ESCARD_S3__BUCKET` and so on)."""

    national_gateway: NationalGatewaySettings | None = None
    """The national gateway, for each adapter that goes through it (`ESCARD_NATIONAL_GATEWAY__ENDPOINT` and so on)."""

    register_adapter: Literal["embedded", "gateway"] = "embedded"
    """Which citizen register is asked: `embedded` (own tables), or `gateway` (docs/national-gateway.md)."""

    register_secrets: SecretStr = SecretStr("")
    """One secret or two, `whsec_…`, with a space between, of the register's events; empty hears none."""

    certifications_adapter: Literal["embedded", "gateway"] = "embedded"
    """Who pays benefits and is told of certifications: `embedded` (the demo's), or the authority's `gateway`."""

    certifications_gateway: GatewaySettings | None = None
    """The authority's gateway, when `certifications_adapter` is `gateway`."""

    card_orders_adapter: Literal["embedded", "gateway", "national"] = "embedded"
    """Who makes physical cards: `embedded` (the demo's), a `gateway` to those who do, or the `national` one."""

    card_orders_gateway: GatewaySettings | None = None
    """Their gateway, when `card_orders_adapter` is `gateway` (`ESCARD_CARD_ORDERS_GATEWAY__ENDPOINT` and so on)."""

    transfers_adapter: Literal["embedded", "gateway"] = "embedded"
    """Who moves social insurance between places: `embedded` (towns of the demo), or the `gateway` of the places."""

    transfers_gateway: GatewaySettings | None = None
    """The places' gateway, when `transfers_adapter` is `gateway` (`ESCARD_TRANSFERS_GATEWAY__ENDPOINT` and so on)."""

    medical_funds_adapter: Literal["embedded", "national"] = "embedded"
    """Who keeps medical personal accounts and pays out of them: `embedded` (the demo's), or the `national` gateway."""

    insurance_adapter: Literal["embedded", "gateway", "national"] = "embedded"
    """Who keeps insurance records: `embedded` (the demo's), a `gateway` of each authority, or the `national` one."""

    insurance_human_resources: GatewaySettings | None = None
    """The gateway of human resources and social security, when `insurance_adapter` is `gateway` (docs/gateways.md)."""

    insurance_healthcare_security: GatewaySettings | None = None
    """The gateway of healthcare security, when `insurance_adapter` is `gateway` (docs/gateways.md)."""

    messages_adapter: Literal["inbox", "gateway"] = "inbox"
    """How SMS reach people: `inbox` (readable at `/dev/messages`, development only) or `gateway` (docs/messages.md)."""

    messages_gateway: GatewaySettings | None = None
    """The gateway of SMS, when `messages_adapter` is `gateway` (`ESCARD_MESSAGES_GATEWAY__ENDPOINT` and so on)."""

    push_gateway: GatewaySettings | None = None
    """The gateway of notifications that apps show, if there is one (`ESCARD_PUSH_GATEWAY__ENDPOINT` and so on)."""

    face_providers: Annotated[tuple[str, ...], NoDecode] = ("sandbox",)
    """Entry points of `escard.face_providers`, with commas between; production refuses `sandbox` and `bundled`."""

    face_options: Mapping[str, Mapping[str, SecretStr]] = {}
    """What each face provider needs: `ESCARD_FACE_OPTIONS__<PROVIDER>__<OPTION>`."""

    review_presorter: str = ""
    """Face provider that compares faces before people review them, as a hint; one that judges here, like `bundled`."""

    document_reader: Literal["none", "rapidocr"] = "none"
    """What reads uploaded documents as a hint to people: `none`, or `rapidocr` with the extra `ocr`."""

    channel: str = Field("app", max_length=32)
    """Channel of people who use the public API directly: one of the registry (`escard channels`), or nothing starts."""

    cors_origins: tuple[str, ...] = ()
    """Exact origins whose pages may call the API from a browser, as a JSON list; none by default."""

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of reverse proxies whose `X-Forwarded-For` is believed, as a JSON list."""

    metrics_networks: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    """Networks that may read `/metrics`, as a JSON list; not there for others, nor by a proxy that is not trusted."""

    requests_per_minute: int = Field(1200, ge=1)
    """Requests one address may make a minute before it is slowed down; carriers share addresses."""

    sms_codes_per_hour_and_address: int = Field(60, ge=1)
    """SMS codes one address may ask for an hour."""

    statement_checks_per_minute_and_address: int = Field(60, ge=1)
    """Numbers of statements one address may ask about a minute, without a sign-in."""

    image_workers: int = Field(1, ge=1, le=32)
    """Processes that decode uploaded images and PDF files."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of the structured log."""

    @field_validator("face_providers", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _are_exact(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if (
                not parts.hostname
                or parts.scheme not in ("http", "https")
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError("an origin is a scheme, a host and perhaps a port: no star, no path, and not null")
        return origins

    @model_validator(mode="after")
    def _refuse_a_dangerous_mix(self) -> Self:
        if self.object_store == "s3" and self.s3 is None:
            raise ValueError("ESCARD_OBJECT_STORE is s3, so a bucket must be named: set ESCARD_S3__BUCKET and its keys")
        self._refuse_nameless_gateways()
        self._refuse_half_a_national_gateway()
        if self.environment is Environment.PRODUCTION:
            self._refuse_sandboxes()
        return self

    def _refuse_nameless_gateways(self) -> None:
        for adapter, gateways in (
            ("messages", ("messages_gateway",)),
            ("certifications", ("certifications_gateway",)),
            ("transfers", ("transfers_gateway",)),
            ("card_orders", ("card_orders_gateway",)),
            ("insurance", ("insurance_human_resources", "insurance_healthcare_security")),
        ):
            for gateway in gateways:
                if getattr(self, f"{adapter}_adapter") == "gateway" and getattr(self, gateway) is None:
                    name = f"ESCARD_{gateway.upper()}"
                    raise ValueError(
                        f"ESCARD_{adapter.upper()}_ADAPTER is gateway, so one must be named: set {name}__ENDPOINT and"
                        f" {name}__SECRETS"
                    )

    def _refuse_half_a_national_gateway(self) -> None:
        for adapter, word in (
            ("register", "gateway"),
            ("insurance", "national"),
            ("medical_funds", "national"),
            ("card_orders", "national"),
        ):
            if getattr(self, f"{adapter}_adapter") == word and self.national_gateway is None:
                raise ValueError(
                    f"ESCARD_{adapter.upper()}_ADAPTER is {word}, so the national gateway must be named: set"
                    " ESCARD_NATIONAL_GATEWAY__ENDPOINT, ESCARD_NATIONAL_GATEWAY__APP_ID and"
                    " ESCARD_NATIONAL_GATEWAY__SECRETS"
                )
        if self.national_gateway is not None:
            self._refuse_an_unsigned_gateway(self.national_gateway)
        if self.register_adapter == "gateway" and self.card_orders_adapter == "embedded":
            raise ValueError(
                "ESCARD_CARD_ORDERS_ADAPTER is embedded, and its cards go to the embedded register, which is not asked:"
                " set it to national or gateway, or ESCARD_REGISTER_ADAPTER to embedded"
            )

    def _refuse_an_unsigned_gateway(self, gateway: NationalGatewaySettings) -> None:
        if bool(gateway.secrets.get_secret_value()) == bool(gateway.sm2_key):
            raise ValueError(
                "the national gateway is signed to in one way: set either ESCARD_NATIONAL_GATEWAY__SECRETS or"
                " ESCARD_NATIONAL_GATEWAY__SM2_KEY"
            )
        if gateway.sm2_key and self.signer == "none":
            raise ValueError("ESCARD_NATIONAL_GATEWAY__SM2_KEY is set, so we must sign by SM2 too: set ESCARD_SIGNER")

    def _refuse_sandboxes(self) -> None:
        sandboxes = {
            "face_providers": not {"sandbox", "bundled"}.isdisjoint(self.face_providers),
            "messages_adapter": self.messages_adapter == "inbox",
            "certifications_adapter": self.certifications_adapter == "embedded",
            "card_orders_adapter": self.card_orders_adapter == "embedded",
            "transfers_adapter": self.transfers_adapter == "embedded",
            "insurance_adapter": self.insurance_adapter == "embedded",
            "medical_funds_adapter": self.medical_funds_adapter == "embedded",
            "register_adapter": self.register_adapter == "embedded" and self.database_url is None,
        }
        if wrong := [name for name, is_sandbox in sandboxes.items() if is_sandbox]:
            names = ", ".join(f"ESCARD_{name.upper()}" for name in wrong)
            raise ValueError(f"production refuses sandboxes: set another {names}")
        if not self.public_url.startswith("https://"):
            raise ValueError("production needs an ESCARD_PUBLIC_URL that starts with https://")

    @property
    def signer_key_path(self) -> Path:
        """The file of the SM2 key in use."""
        return self.signer_key_file or self.data_folder / "sm2.pem"

    @property
    def key_path(self) -> Path:
        """The key file in use."""
        return self.key_file or self.data_folder / "keys.json"
