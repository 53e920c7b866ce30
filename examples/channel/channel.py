"""A channel: gets tokens with its own signature, looks at its events, has them sent again, and hears them.

It is what docs/channels.md tells, with nothing but the standard library and `cryptography`; that knows no SM2, so
with a key of that the system's OpenSSL signs.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

JSON = dict[str, Any]
TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class Key:
    """A private key: how its signatures are called, and how one is made."""

    algorithm: str
    sign: Callable[[bytes], bytes]

    @classmethod
    def read(cls, file: Path) -> "Key":
        """Read a key on P-256 or of SM2, in PEM."""
        try:
            key = load_pem_private_key(file.read_bytes(), None)
        except UnsupportedAlgorithm:
            return cls("urn:escard:alg:sm2-sm3", lambda said: _by_openssl(file, said))
        assert isinstance(key, ec.EllipticCurvePrivateKey), "the key is on P-256"
        return cls("ES256", lambda said: _by_es256(key, said))


def signed(key: Key, kid: str, typ: str, claims: JSON) -> str:
    """Return a JWT (RFC 7515)."""
    header = {"alg": key.algorithm, "kid": kid, "typ": typ}
    said = f"{_word(json.dumps(header).encode())}.{_word(json.dumps(claims).encode())}"
    return f"{said}.{_word(key.sign(said.encode()))}"


def claims_of(name: str, audience: str, **more: str) -> JSON:
    """Return what every signature says: who, for whom, from when to when, and that it is this one."""
    now = int(time.time())
    return {"iss": name, "aud": audience, "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(18), **more}


def token(server: str, assertion: str) -> str:
    """Get an access token (RFC 6749 §4.4, RFC 7523 §2.2)."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    request = urllib.request.Request(f"{server}/v1/channels/token", urllib.parse.urlencode(form).encode())
    return str(_sent(request)["access_token"])


def call(server: str, name: str, access_token: str, method: str, path: str, body: JSON | None = None) -> JSON:
    """Call for the channel itself."""
    headers = {"Authorization": f"Bearer {access_token}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    return _sent(urllib.request.Request(f"{server}/v1/channels/{name}{path}", content, headers, method=method))


def is_genuine(wanted: list[bytes], headers: Any, body: bytes, now: float) -> bool:
    """Say whether an event is signed with a secret of ours, and is of now (Standard Webhooks 1.0.0)."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    said = f"{message_id}.{timestamp}.".encode() + body
    given = headers.get("webhook-signature", "").split(" ")
    ours = [f"v1,{base64.b64encode(hmac.digest(each, said, hashlib.sha256)).decode()}" for each in wanted]
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in ours for other in given)


def listen(port: int, secrets_: list[bytes]) -> None:
    """Hear events until stopped; each is told once, for it may come twice."""
    seen: set[str] = set()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            genuine = is_genuine(secrets_, self.headers, body, time.time())
            event_id = self.headers.get("webhook-id", "")
            if genuine and event_id not in seen:
                seen.add(event_id)
                print(json.dumps({"id": event_id, **json.loads(body)}), flush=True)
            self.send_response(204 if genuine else 401)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of requests."""

    server = HTTPServer(("127.0.0.1", port), Ear)
    print(json.dumps({"listening": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()


def main() -> int:
    """Do what is asked for on the command line."""
    options = _options().parse_args()
    if options.what == "listen":
        secrets_ = os.environ["CHANNEL_SECRETS"].split()
        listen(options.port, [base64.b64decode(each.removeprefix("whsec_")) for each in secrets_])
        return 0
    try:
        print(json.dumps(_asked(options, Key.read(Path(options.key))), ensure_ascii=False))
    except urllib.error.HTTPError as refusal:
        told = json.load(refusal)
        faults = [f"{each['pointer']}: {each['detail']}" for each in told.get("errors", ())]
        print("\n".join([told["title"], *faults, told["next"]["text"]]), file=sys.stderr)
        return 1
    return 0


def _asked(options: argparse.Namespace, key: Key) -> JSON:
    server, name = options.server.rstrip("/"), options.name
    audience = options.audience or f"{server}/v1/channels/token"
    if options.what == "launch":
        claims = claims_of(name, audience, service=options.service)
        body = json.dumps({"launch": signed(key, options.kid, "launch+jwt", claims)}).encode()
        headers = {"Content-Type": "application/json"}
        return _sent(urllib.request.Request(f"{server}/v1/channels/{name}/launches", body, headers))
    access_token = token(server, signed(key, options.kid, "JWT", claims_of(name, audience, sub=name)))
    if options.what == "events":
        return call(server, name, access_token, "GET", "/events")
    if options.what == "again":
        asked = {"since": options.since, "state": options.state}
        return _all_again(lambda more: call(server, name, access_token, "PUT", "/deliveries", asked | more))
    if options.what == "forget":
        return call(server, name, access_token, "DELETE", "/secrets/others")
    return call(server, name, access_token, "PUT", "/secrets/newest")


def _all_again(ask: Callable[[JSON], JSON]) -> JSON:
    """Go on until nothing remains: each answer takes five hundred."""
    told = ask({})
    count = told["count"]
    while told["next_cursor"] is not None:
        told = ask({"cursor": told["next_cursor"]})
        count += told["count"]
    return {"count": count}


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A channel of escard.")
    parser.add_argument("what", choices=("events", "again", "secret", "forget", "launch", "listen"))
    parser.add_argument("--server", default="http://127.0.0.1:8000")
    parser.add_argument("--audience", help="the server's token endpoint, where it is another than it is called by")
    parser.add_argument("--name", default="demo-bank")
    parser.add_argument("--key", default="channel.key", help="a file with its private key in PEM")
    parser.add_argument("--kid", default="demo", help="the key's kid in the registry")
    parser.add_argument("--since", default="1970-01-01T00:00:00Z", help="what is sent again: events from then on")
    parser.add_argument("--state", default="given_up", choices=("given_up", "delivered"), help="those of them")
    parser.add_argument("--service", default="rights")
    parser.add_argument("--port", type=int, default=0, help="where to listen; secrets stand in CHANNEL_SECRETS")
    return parser


def _sent(request: urllib.request.Request) -> JSON:
    if not request.full_url.startswith(("http://", "https://")):
        raise ValueError("A server is an http address.")
    request.add_header("Accept-Language", "en")
    with urllib.request.urlopen(request, timeout=15) as answer:
        told: JSON = json.loads(answer.read() or b"{}")
        return told


def _by_es256(key: ec.EllipticCurvePrivateKey, said: bytes) -> bytes:
    """Sign as RFC 7518 §3.4 has it: r and s side by side."""
    r, s = decode_dss_signature(key.sign(said, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _by_openssl(file: Path, said: bytes) -> bytes:
    """Sign by SM2 with SM3 and the usual id; r and s come in DER."""
    under = ("-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678")
    words = ["openssl", "pkeyutl", "-sign", "-inkey", str(file), *under]
    return subprocess.run(words, input=said, capture_output=True, check=True).stdout  # noqa: S603 - the system's own program


def _word(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


if __name__ == "__main__":
    sys.exit(main())
