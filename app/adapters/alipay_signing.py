"""RSA2 of Alipay's open platform: our signature on requests, Alipay's on its answers and on its notices.

RSA2 is SHA256withRSA (RSASSA-PKCS1-v1_5, RFC 8017 section 8.2) with keys of 2048 bits or more, written in base64.

What is signed, after Alipay's pages (copies: https://juejin.cn/post/6844903816484110349 for requests,
https://developer.aliyun.com/article/707521 for answers and notices):

    request   its parameters, sorted, `name=value` joined by `&`, not encoded; without `sign` and what is empty
    answer    the value of `<method>_response`, byte for byte as it stands in the body
    notice    as a request, and without `sign_type`
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

_BITS: Final = 2048
_NOT_BASE64: Final = re.compile(r"-----(BEGIN|END) [A-Z ]+-----|\\n|\s+")  # what PEM, a file and an environment add
_NEXT: Final = re.compile(r"[ \t\n\r]*([{}:,])[ \t\n\r]*")
_NOTICE_FIELDS: Final = 100


class WrongSignature(ValueError):
    """Alipay has not signed this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says. One that is not signed may be a refusal by the gateway, and may be anybody's."""

    content: Mapping[str, object] = field(repr=False)
    is_signed: bool


def read_private_key(text: str) -> RSAPrivateKey:
    """Return the key that an application signs with: PEM, or the base64 of PKCS#8 or PKCS#1 that Alipay's tool gives.

    Raises:
        ValueError: it is none; the words do not quote it.
    """
    try:
        key = load_der_private_key(_der(text), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _BITS:
        raise ValueError(f"it is no RSA private key of {_BITS} bits or more, in PEM or base64")
    return key


def read_public_key(text: str) -> RSAPublicKey:
    """Return the key that Alipay signs with, as its console shows it; PEM or base64.

    Raises:
        ValueError: it is none; the words do not quote it.
    """
    try:
        key = load_der_public_key(_der(text))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < _BITS:
        raise ValueError(f"it is no RSA public key of {_BITS} bits or more, in PEM or base64")
    return key


def sign(key: RSAPrivateKey, parameters: Mapping[str, str]) -> str:
    """Return the `sign` of a request."""
    text = _text(parameters, without={"sign"})
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def read_answer(key: RSAPublicKey, body: bytes, method: str) -> Answer:
    r"""Return what Alipay answers to a call of a method.

    A signature that fails is tried once more over the text with `/` for `\/`, as Alipay's own SDK for Java does; what
    is read is in any case the text that was signed.

    Raises:
        WrongSignature: it has a signature, and that is not Alipay's.
        ValueError: it is no answer to this method.
    """
    try:
        members = _members(body.decode())
        content = members.get(method.replace(".", "_") + "_response") or members["error_response"]
        signature = json.loads(members["sign"]) if "sign" in members else None
        for text in (content, content.replace("\\/", "/")):
            if signature is None or _is_signed(key, text, signature):
                return Answer(_object(text), is_signed=signature is not None)
    except (KeyError, RecursionError) as error:
        raise ValueError("it is no answer to this method") from error
    raise WrongSignature


def read_notice(key: RSAPublicKey, body: bytes) -> dict[str, str]:
    """Return what a notice says that Alipay has sent to us, a form in UTF-8.

    Raises:
        WrongSignature: Alipay has not signed it.
        ValueError: it is no notice.
    """
    pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_NOTICE_FIELDS)
    notice = dict(pairs)
    if len(notice) != len(pairs):
        raise ValueError("a notice says everything once")
    if not _is_signed(key, _text(notice, without={"sign", "sign_type"}), notice.get("sign")):
        raise WrongSignature
    return notice


def _der(text: str) -> bytes:
    return base64.b64decode(_NOT_BASE64.sub("", text), validate=True)


def _text(parameters: Mapping[str, str], *, without: set[str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value and name not in without)


def _is_signed(key: RSAPublicKey, text: str, signature: object) -> bool:
    if not isinstance(signature, str):
        return False
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _object(text: str) -> dict[str, object]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("an answer is an object")
    return content


def _members(text: str) -> dict[str, str]:
    """Return the members of a JSON object, the text of each value exactly as it stands.

    Raises:
        ValueError: it is not one object and nothing else, or says something twice.
    """
    members: dict[str, str] = {}
    decoder = json.JSONDecoder()
    at, mark = _step(text, 0)
    while mark in ("{", ",") and (mark == ",") == bool(members):
        name, end = decoder.raw_decode(text, at)
        at, mark = _step(text, end)
        _, end = decoder.raw_decode(text, at)
        if mark != ":" or not isinstance(name, str) or name in members:
            raise ValueError("each member of an object has a name of its own")
        members[name] = text[at:end]
        at, mark = _step(text, end)
    if mark != "}" or at != len(text) or not members:
        raise ValueError("it is not one object and nothing else")
    return members


def _step(text: str, at: int) -> tuple[int, str]:
    found = _NEXT.match(text, at)
    if found is None:
        raise ValueError("it is no JSON")
    return found.end(), found[1]
