"""The public keys that a channel signs with: several at a time, so that one is changed without a gap."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session
from app.core.errors import NotFound
from app.models.channels import Channel, ChannelKey
from app.ports.signer import USER_ID, PublicKey
from app.services.channel_registry import registering
from app.services.channel_registry.standing import ChannelStopped

SM2: Final = "SM2"
"""What stands for the curve in a JWK; RFC 7518 knows none of China's."""

SM2_ID: Final = "sm2_id"
"""What a JWK says where its signatures are made under another id than `USER_ID` (GB/T 32918.2 §5.5)."""

_MOST: Final = 8
_KINDS: Final = "Keys are EC on P-256 or SM2, or RSA."
_BYTES_OF_P256: Final = 32
_LEAST_BITS: Final = 2048  # of an RSA key (RFC 7518 §3.3)
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6
_SM2_ID: Final = re.compile(r"[\x21-\x7e]{1,64}")
_KID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")


class ChannelKeyNotTaken(ValueError):
    """It is no public key that we take, or one too many; the words say why."""


def read(content: bytes, *, sm2_id: str | None = None) -> Sequence[Mapping[str, str]]:
    """Read public keys: a JWK set, one JWK (RFC 7517), or one in PEM; EC on P-256 or SM2, RSA of 2048 bits and more.

    Args:
        sm2_id: the id that keys of SM2 sign under, for those that do not say it themselves.

    Returns:
        JWKs of `kty`, `kid` (the thumbprint of RFC 7638 where none is given), `use` and what belongs to the key.

    Raises:
        ChannelKeyNotTaken: something else is in it, or a private key; or an id for a key that has none.
    """
    return [jwk if sm2_id is None else _under(jwk, sm2_id) for jwk in _all_in(content)]


def _all_in(content: bytes) -> Sequence[Mapping[str, str]]:
    if content.lstrip().startswith(b"-----"):
        return [_of_pem(content)]
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ChannelKeyNotTaken("This is neither JSON nor PEM.") from None
    found = said.get("keys", [said]) if isinstance(said, dict) else said
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise ChannelKeyNotTaken("This is no JWK set (RFC 7517).")
    return [_of_jwk(each) for each in found]


def sm2(jwk: Mapping[str, Any]) -> tuple[PublicKey, bytes]:
    """Return a registered key of SM2, and the id that it signs under."""
    key = PublicKey(_bytes(jwk, "x"), _bytes(jwk, "y"))
    return key, jwk[SM2_ID].encode() if SM2_ID in jwk else USER_ID


async def add(session: Session, name: str, jwks: Sequence[Mapping[str, str]]) -> None:
    """Let a channel sign with these keys too; one of a `kid` that is known takes its place.

    Raises:
        NotFound: there is no such channel.
        ChannelKeyNotTaken: more than eight keys would be too many to look after.
    """
    await registering.one(session, name)
    for jwk in jwks:
        added = insert(ChannelKey).values(channel=name, kid=jwk["kid"], jwk=dict(jwk), added_at=session.now)
        await session.execute(
            added.on_conflict_do_update(
                index_elements=[ChannelKey.channel, ChannelKey.kid],
                set_={"jwk": dict(jwk), "added_at": session.now},
            )
        )
    count = await session.scalar(select(func.count()).select_from(ChannelKey).where(ChannelKey.channel == name))
    if count is not None and count > _MOST:
        raise ChannelKeyNotTaken(f"A channel has {_MOST} keys at most: remove the old ones first.")


async def remove(session: Session, name: str, kid: str) -> None:
    """Believe one of a channel's keys no more, from now on.

    Raises:
        NotFound: there is no such channel, or no such key of it.
    """
    await registering.one(session, name)
    gone = await session.scalar(
        delete(ChannelKey).where(ChannelKey.channel == name, ChannelKey.kid == kid).returning(ChannelKey.kid)
    )
    if gone is None:
        raise NotFound


async def of_channel(session: Session, name: str) -> Sequence[ChannelKey]:
    """Return a channel's keys, the newest first; whether it is open is asked elsewhere."""
    rows = await session.scalars(
        select(ChannelKey).where(ChannelKey.channel == name).order_by(ChannelKey.added_at.desc(), ChannelKey.kid)
    )
    return rows.all()


async def one(session: Session, name: str, kid: str) -> Mapping[str, Any] | None:
    """Return one of a channel's keys, if it has it; whether it is open is asked elsewhere."""
    held = await session.get(ChannelKey, (name, kid))
    return None if held is None else held.jwk


async def kept(session: Session, name: str, kid: str) -> Mapping[str, Any] | None:
    """Return one of a channel's keys, if it has it, and let nobody take it away before this unit of work is over."""
    held = await session.get(ChannelKey, (name, kid), with_for_update={"read": True}, populate_existing=True)
    return None if held is None else held.jwk


async def in_force(session: Session, name: str, kid: str) -> Mapping[str, Any] | None:
    """Return one of an open channel's keys, if it has it.

    Raises:
        ChannelStopped: there is no channel of this name, or it is not open.
    """
    is_of_it = and_(ChannelKey.channel == Channel.name, ChannelKey.kid == kid)
    found = await session.execute(
        select(Channel.is_open, ChannelKey.jwk).outerjoin(ChannelKey, is_of_it).where(Channel.name == name)
    )
    row = found.one_or_none()
    if row is None or not row.is_open:
        raise ChannelStopped
    jwk: Mapping[str, Any] | None = row.jwk
    return jwk


def digest(jwk: Mapping[str, Any]) -> str:
    """Return what tells a registered key from another, also from one that has taken its place under its `kid`."""
    return _text(hashlib.sha256(orjson.dumps(jwk, option=orjson.OPT_SORT_KEYS)).digest())


async def knows_sm2(session: Session, name: str) -> bool:
    """Say whether a channel signs with SM2, and so can check it: what we send it is signed by SM2 too."""
    found = await session.scalar(
        select(ChannelKey.kid).where(ChannelKey.channel == name, ChannelKey.jwk["crv"].astext == SM2).limit(1)
    )
    return found is not None


def _of_pem(content: bytes) -> Mapping[str, str]:
    sm2 = _sm2_of_pem(content)
    if sm2 is not None:
        return _named({"kty": "EC", "crv": SM2, "x": _text(sm2.x), "y": _text(sm2.y)}, None)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise ChannelKeyNotTaken("This is no public key in PEM.") from None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_numbers()
        return _named({"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}, None)
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        jwk = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        return _of_jwk(jwk)
    raise ChannelKeyNotTaken(_KINDS)


def _sm2_of_pem(content: bytes) -> PublicKey | None:
    """Return a key of SM2, which the library does not know."""
    lines = [line.strip() for line in content.split(b"\n") if b"-----" not in line]
    try:
        return PublicKey.from_der(base64.b64decode(b"".join(lines), validate=True))
    except ValueError:
        return None


def _of_jwk(said: Mapping[str, Any]) -> Mapping[str, str]:
    if not _PRIVATE.isdisjoint(said):
        raise ChannelKeyNotTaken("This is a private key. It belongs to the channel alone: make a new one.")
    if said.get("use", "sig") != "sig":
        raise ChannelKeyNotTaken("Keys are for signatures (`use` is sig).")
    members: tuple[str, ...]
    if said.get("kty") == "EC" and said.get("crv") in {"P-256", SM2}:
        _check_point(said["crv"], _bytes(said, "x"), _bytes(said, "y"))
        members = ("kty", "crv", "x", "y")
    elif said.get("kty") == "RSA":
        if int.from_bytes(_bytes(said, "n")).bit_length() < _LEAST_BITS or int.from_bytes(_bytes(said, "e")) < 3:
            raise ChannelKeyNotTaken(f"An RSA key has {_LEAST_BITS} bits at least.")
        members = ("kty", "n", "e")
    else:
        raise ChannelKeyNotTaken(_KINDS)
    named = _named({member: str(said[member]) for member in members}, said.get("kid"))
    return _under(named, said[SM2_ID]) if SM2_ID in said else named


def _under(jwk: Mapping[str, str], sm2_id: object) -> Mapping[str, str]:
    if jwk.get("crv") != SM2 or not isinstance(sm2_id, str) or not _SM2_ID.fullmatch(sm2_id):
        raise ChannelKeyNotTaken("The id of a key of SM2 has 1 to 64 letters, figures and signs; other keys have none.")
    return {SM2_ID: sm2_id, **jwk}


def _check_point(curve: str, x: bytes, y: bytes) -> None:
    try:
        if curve == SM2:
            PublicKey(x, y)
            return
        if len(x) != _BYTES_OF_P256 or len(y) != _BYTES_OF_P256:
            raise ValueError
        ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()
    except ValueError:
        raise ChannelKeyNotTaken(f"This is no point of {curve}.") from None


def _named(jwk: Mapping[str, str], kid: object) -> Mapping[str, str]:
    if kid is None:
        kid = digest(jwk)
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise ChannelKeyNotTaken("A key's kid is made of letters, figures and ._~-, at most 64.")
    return {**jwk, "kid": kid, "use": "sig"}


def _bytes(jwk: Mapping[str, Any], member: str) -> bytes:
    text = jwk.get(member)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ChannelKeyNotTaken(f"The key's {member} is not base64url (RFC 7515 §2).")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ChannelKeyNotTaken(f"The key's {member} is not base64url (RFC 7515 §2).") from None


def _number(value: int, size: int | None = None) -> str:
    return _text(value.to_bytes(size or (value.bit_length() + 7) // 8))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
