"""Settings that come in groups: the bucket of the object store, and each gateway of another authority."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from app.core.suites import Suite

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class S3Settings(BaseModel):
    """The bucket of the object store; needed when `object_store` is `s3`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str = Field(description="Name of the bucket")
    region: str = Field("", description="Region of the bucket")
    endpoint: str | None = Field(None, description="Address of an S3-compatible store; empty for Amazon's")
    access_key_id: str = Field(description="Access key id")
    secret_access_key: SecretStr = Field(description="Secret access key")


class GatewaySettings(BaseModel):
    """Another authority's gateway; requests to it are signed with each of the secrets (docs/gateways.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    endpoint: str = Field(description="Address of the gateway: https, or http within this machine")
    secrets: SecretStr = Field(description="One secret or two, `whsec_…`, with a space between")
    timeout_seconds: float = Field(10, gt=0, le=60, description="How long an answer may take")

    @field_validator("endpoint")
    @classmethod
    def _is_private(cls, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        if not parts.hostname or parts.username is not None or "?" in endpoint or "#" in endpoint:
            raise ValueError("an address has a host, a port and a path, and no more")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("numbers of people go over https alone, except within this machine")
        return endpoint


class NationalGatewaySettings(GatewaySettings):
    """The national gateway: who we are there, and how bodies are signed and sealed (docs/national-gateway.md)."""

    secrets: SecretStr = Field(
        SecretStr(""), description="One secret or two, `whsec_…`, with a space between; none where SM2 signs"
    )
    sm2_key: str = Field("", description="Its public key, base64 of DER: both sides sign by SM2, we with `signer`")
    app_id: str = Field(description="Who we are there", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    suite: Suite = Field(Suite.INTERNATIONAL, description="HMAC-SHA256 and AES-256-GCM, or HMAC-SM3 and SM4-GCM")
    encryption_keys: SecretStr = Field(
        SecretStr(""), description="One key or two in base64 (32 bytes; 16 of SM4), a space between; empty: TLS alone"
    )
    concurrency: int = Field(16, ge=1, le=256, description="Calls at a time, of each group of calls")
