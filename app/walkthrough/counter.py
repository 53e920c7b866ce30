"""A counter of the demo: a clerk at a screen, and a terminal that reads cards and signs with a real key."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.core.tokens.requests import digest_of, signature_base
from app.walkthrough.people import Person
from app.walkthrough.phone import Phone, Reply, Signed, Unexpected
from app.walkthrough.telling import JSON

READS = "/v1/counter/card-reads"


@dataclass(frozen=True, slots=True)
class Terminal:
    """One of the demo's terminals, with its key."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def named(cls, phone: Phone, name: str) -> "Terminal":
        """Take over one of the demo's terminals.

        Raises:
            Unexpected: there is none of this name.
        """
        for item in phone.ask("/dev/terminals").body.get("items", []):
            if item["name"] == name:
                key = load_pem_private_key(item["private_key"].encode(), None)
                assert isinstance(key, Ed25519PrivateKey)
                return cls(name, key)
        raise Unexpected(f"The server has no terminal {name}: run `escard demo` there.")

    def sign(self, path: str, body: JSON, token: str, at: datetime, **more: str) -> Signed:
        """Sign a request of whoever holds a token (RFC 9421), session and all; `more` are headers besides."""
        content = json.dumps(body, ensure_ascii=False).encode()
        digest = digest_of(content)
        params = (
            '("@method" "@path" "content-digest" "authorization")'
            f';created={int(at.timestamp())};keyid="{self.name}";nonce="{secrets.token_urlsafe(18)}"'
        )
        covered = [
            ("@method", "POST"),
            ("@path", path),
            ("content-digest", digest),
            ("authorization", f"Bearer {token}"),
        ]
        signature = base64.b64encode(self.key.sign(signature_base(covered, params))).decode()
        headers = {"Content-Digest": digest, "Signature-Input": f"sig={params}", "Signature": f"sig=:{signature}:"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        return Signed(path, body, content, headers)


class Counter:
    """Where somebody works: their screen, and the terminal beside it."""

    def __init__(self, screen: Phone, terminal: Terminal) -> None:
        self.screen = screen
        self.terminal = terminal

    @property
    def token(self) -> str:
        """The token of whoever works here."""
        assert self.screen.access_token is not None
        return self.screen.access_token

    def lay_down(self, person: Person, purpose: str) -> Signed:
        """Let the terminal read somebody's card, and sign what it has read."""
        body = {"card_number": person.card_number, "purpose": purpose}
        return self.terminal.sign(READS, body, self.token, self.screen.server_time())

    def read(self, person: Person, purpose: str) -> str:
        """Read somebody's card; return the token.

        Raises:
            Unexpected: it is refused.
        """
        return str(self.screen.send_signed(self.lay_down(person, purpose), expect=(201,)).body["card_read"])

    def post(self, path: str, body: JSON, *, expect: tuple[int, ...] = (201,), **headers: str) -> Reply:
        """Send what is done here once, signed by the terminal, session and all.

        Raises:
            Unexpected: it is answered otherwise.
        """
        signed = self.terminal.sign(path, body, self.token, self.screen.server_time(), **headers)
        return self.screen.send_signed(signed, expect=expect, is_once=True)

    def refused(self, signed: Signed, code: str) -> Reply:
        """Send a request that is to be refused.

        Raises:
            Unexpected: it is not, or for another reason.
        """
        return require(self.screen.send_signed(signed, expect=(401, 403, 409)), code)


def require(reply: Reply, code: str) -> Reply:
    """Check that a request was refused for the reason that it should be.

    Raises:
        Unexpected: it was another one.
    """
    if reply.problem != code:
        raise Unexpected(f"It was refused as {reply.problem}, not as {code}.")
    return reply
