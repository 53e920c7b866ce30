"""A terminal: verifies presentation codes offline, redeems and draws by them online, as docs/terminals.md tells."""

import argparse
import base64
import hashlib
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

JSON = dict[str, Any]
REDEMPTIONS = "/v1/terminals/code-redemptions"
DRAWS = "/v1/terminals/draws"


class NotGood(Exception):
    """The code is not good, and why."""


def verify(code: str, keys: list[JSON], now: float) -> JSON:
    """Return what a code says to anybody, if one of the published keys has signed it and its minute is not over."""
    try:
        head, body, signature = code.split(".")
        header, claims = json.loads(_raw(head)), json.loads(_raw(body))
        r, s = _raw(signature)[:32], _raw(signature)[32:]
    except ValueError as error:
        raise NotGood("This is no code.") from error
    key = next((key for key in keys if key["kid"] == header.get("kid")), None)
    if key is None or header != {"alg": "ES256", "kid": key["kid"], "typ": "code+jwt"}:  # what it says is not believed
        raise NotGood("This is no code of that server.")
    point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1())
    wanted = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
    try:
        point.public_key().verify(wanted, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise NotGood("This code was not issued by that server.") from error
    if not claims["iat"] - 5 <= now < claims["exp"]:
        raise NotGood("The minute of this code is over.")
    return {"purpose": claims["aud"], "issuer": claims["iss"], "seconds_left": int(claims["exp"] - now)}


@dataclass(frozen=True)
class Terminal:
    """A terminal: where its server is, what it is registered as, its key, and in which language it is told things."""

    server: str
    name: str
    key: Ed25519PrivateKey
    language: str


def signed(path: str, name: str, key: Ed25519PrivateKey, body: bytes, now: float) -> dict[str, str]:
    """Return the headers that sign a request (RFC 9421)."""
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    covered = '("@method" "@path" "content-digest")'
    params = f'{covered};created={int(now)};keyid="{name}";nonce="{secrets.token_urlsafe(18)}"'
    lines = ['"@method": POST', f'"@path": {path}', f'"content-digest": {digest}', f'"@signature-params": {params}']
    signature = base64.b64encode(key.sign("\n".join(lines).encode())).decode()
    return {
        "Content-Type": "application/json",
        "Content-Digest": digest,
        "Signature-Input": f"sig={params}",
        "Signature": f"sig=:{signature}:",
    }


def redeem(terminal: Terminal, code: str) -> JSON:
    """Redeem a code; when the answer is lost, the very same request is sent again."""
    return _posted(terminal, REDEMPTIONS, {"code": code})


def draw(terminal: Terminal, code: str, amount: str, order_number: str) -> JSON:
    """Redeem a code and draw an amount by it, whole or not at all, once by the order's number."""
    redeemed = redeem(terminal, code)
    order = {"redemption_id": redeemed["redemption_id"], "order_number": order_number, "amount": amount}
    return _posted(terminal, DRAWS, order)


def _posted(terminal: Terminal, path: str, said: JSON) -> JSON:
    body = json.dumps(said).encode()
    headers = signed(path, terminal.name, terminal.key, body, time.time()) | {"Accept-Language": terminal.language}
    request = urllib.request.Request(terminal.server + path, body, headers, method="POST")
    for tries_left in (2, 1, 0):
        try:
            return _sent(request)
        except urllib.error.HTTPError as refusal:
            raise NotGood(_told(json.load(refusal))) from refusal
        except OSError:  # lost on the way, there or back
            if not tries_left:
                raise
            time.sleep(2)
    raise AssertionError


def _sent(request: urllib.request.Request | str) -> JSON:
    with urllib.request.urlopen(request, timeout=5) as answer:
        said: JSON = json.load(answer)
        return said


def _told(problem: JSON) -> str:
    """Say a refusal in its own words: the code, what happened, what to do now."""
    return "\n".join(filter(None, (problem["code"], problem["detail"], problem.get("next", {}).get("text"))))


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_raw(text))


def main() -> None:
    """Do what the command line says; what is learnt is printed as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=("verify", "redeem", "draw"))
    parser.add_argument("code", help="the text of the QR code, or - to read it as a line")
    parser.add_argument("--server", required=True)
    parser.add_argument("--name", help="what the terminal is registered as")
    parser.add_argument("--key", type=Path, help="its private key: PEM, Ed25519")
    parser.add_argument("--language", default="en", choices=("en", "es", "zh-CN"), help="of what is answered")
    parser.add_argument("--amount", help="what is to be drawn, in yuan: 52.30")
    parser.add_argument("--order", help="the terminal's own number for the payment")
    asked = parser.parse_args()
    if asked.do != "verify" and (asked.name is None or asked.key is None):
        parser.error(f"{asked.do} needs --name and --key")
    if asked.do == "draw" and (asked.amount is None or asked.order is None):
        parser.error("draw needs --amount and --order")
    code = sys.stdin.readline().strip() if asked.code == "-" else asked.code
    try:
        if asked.do == "verify":
            learnt = verify(code, _sent(f"{asked.server}/.well-known/jwks.json")["keys"], time.time())
        else:
            key = load_pem_private_key(asked.key.read_bytes(), None)
            assert isinstance(key, Ed25519PrivateKey)
            terminal = Terminal(asked.server, asked.name, key, asked.language)
            learnt = redeem(terminal, code) if asked.do == "redeem" else draw(terminal, code, asked.amount, asked.order)
    except NotGood as reason:
        sys.exit(f"{reason}")
    print(json.dumps(learnt, ensure_ascii=False))


if __name__ == "__main__":
    main()
