"""Wire shapes of the public keys that others verify our signatures with."""

from typing import Literal

from app.schemas.base import Told


class KeyRead(Told):
    """A public key on P-256, as a JWK (RFC 7517 §4, RFC 7518 §6.2)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    alg: Literal["ES256"]
    kid: str
    use: Literal["sig"]


class KeysRead(Told):
    """A JWK set (RFC 7517 §5); the first key is the one that signs now."""

    keys: list[KeyRead]
