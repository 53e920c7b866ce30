"""The envelope: both sides reproduce the examples of docs/national-gateway.md, and nothing else gets through."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from national_envelopes import Envelopes as TheirEnvelopes

from app.adapters.national.envelopes import Asked, Envelopes, NotBelieved, signed_text
from app.adapters.national.signing import MacSigner, NotOpened, cipher_of
from app.core.clock import Clock
from app.core.suites import Suite
from tests.factories.national import KEY_TEXT, SECRET_TEXT, SM4_KEY_TEXT

PAGE = (Path(__file__).parents[3] / "docs" / "national-gateway.md").read_text(encoding="utf-8")
SECRET = bytes(range(32))
NUMBER = "100101198506150031"


class AtTheTime(Clock):
    """A clock that stands at the time of the examples, or a while from it."""

    def __init__(self, later: timedelta = timedelta()) -> None:
        self._now = datetime(2026, 11, 22, 5, 10, 40, tzinfo=UTC) + later

    def now(self) -> datetime:
        return self._now


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def envelope(kind: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(block(f"json {kind}"))
    return said


def ours(key: str = "", later: timedelta = timedelta(), suite: Suite = Suite.INTERNATIONAL) -> Envelopes:
    return Envelopes("escard", MacSigner(suite, [SECRET]), cipher_of(suite, key), AtTheTime(later))


def asked(kind: str) -> Asked:
    said = envelope(kind)
    return Asked(said["request_no"], said["method"])


async def flaw(said: dict[str, Any] | bytes, of: Envelopes, question: Asked) -> str:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    with pytest.raises(NotBelieved) as refused:
        await of.open(question, body)
    return refused.value.flaw


async def test_the_text_of_the_page_is_signed_as_the_page_says() -> None:
    said = envelope("request")
    names = ("app_id", "request_no", "time", "method", "encryption", "content")

    text = signed_text("request", *(said[name] for name in names))

    assert text.decode() == block("text request")
    assert await MacSigner(Suite.INTERNATIONAL, [SECRET]).sign(text) == said["signature"]


@pytest.mark.parametrize(
    ("kind", "keys", "suite"),
    [
        ("request", [], "international"),
        ("sealed request", [KEY_TEXT], "international"),
        ("sm request", [SM4_KEY_TEXT], "sm"),
    ],
)
async def test_a_gateway_opens_the_requests_of_the_page(kind: str, keys: list[str], suite: str) -> None:
    theirs = TheirEnvelopes("escard", [SECRET_TEXT], keys, lambda: AtTheTime().now().timestamp(), suite=suite)

    opened = theirs.open(block(f"json {kind}").encode())

    assert opened is not None
    assert opened.content == {"aac002": NUMBER}


async def test_we_open_the_answers_of_the_page() -> None:
    nobody = await ours().open(asked("request"), block("json answer").encode())
    faceless = await ours(KEY_TEXT).open(asked("sealed request"), block("json sealed answer").encode())
    by_sm = await ours(SM4_KEY_TEXT, suite=Suite.SM).open(asked("sm request"), block("json sm answer").encode())

    assert (nobody.code, nobody.content) == ("404", b"")
    assert (faceless.code, json.loads(faceless.content)) == ("0", {"aac002": NUMBER, "portrait": None})
    assert (by_sm.code, by_sm.content) == (faceless.code, faceless.content)


def test_what_is_sealed_is_bound_to_its_request() -> None:
    cipher, number = cipher_of(Suite.INTERNATIONAL, KEY_TEXT), "7c9e6679742540de944be07fc1f90ae7"
    sealed = cipher.seal(number, b"{}")

    assert cipher.open(number, sealed) == b"{}"
    assert AESGCM(bytes(range(32, 64))).decrypt(sealed[:12], sealed[12:], number.encode()) == b"{}"
    for other, changed in (("0" * 32, sealed), (number, sealed[:-1]), (number, b"short"), (number, sealed[::-1])):
        with pytest.raises(NotOpened):
            cipher.open(other, changed)


@pytest.mark.parametrize(
    "name", ["app_id", "request_no", "time", "method", "code", "encryption", "content", "signature"]
)
async def test_no_line_of_an_answer_can_be_changed(name: str) -> None:
    said = envelope("sealed answer")
    changed = {"time": "2026-11-22T05:10:34Z", "content": said["content"][4:], "signature": "A" * 43 + "="}

    found = await flaw(said | {name: changed.get(name, "other")}, ours(KEY_TEXT), asked("sealed request"))

    assert found == "signature"


async def test_a_request_given_back_is_no_answer_to_it() -> None:
    said = envelope("request") | {"code": "0"}

    assert await flaw(said, ours(), asked("request")) == "signature"


async def test_an_answer_to_another_request_is_not_believed() -> None:
    other = Asked("f" * 32, "register.find")

    assert await flaw(block("json answer").encode(), ours(), other) == "request"


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_an_answer_of_another_time_is_not_believed(minutes: int) -> None:
    old = ours(later=timedelta(minutes=minutes))

    assert await flaw(block("json answer").encode(), old, asked("request")) == "time"


@pytest.mark.parametrize(
    "change",
    [
        {"code": 0},
        {"code": ""},
        {"code": "0\n1"},
        {"content": "not base64!"},
        {"content": None},
        {"signature": None},
        {"time": 1795324233},
        {"request_no": "a\nb"},
    ],
    ids=str,
)
async def test_what_has_another_shape_is_no_envelope(change: dict[str, Any]) -> None:
    assert await flaw(envelope("answer") | change, ours(), asked("request")) == "envelope"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"time": "2026-13-45T05:10:33Z"}, "time"),
        ({"time": "2026-11-22T05:10:33.000"}, "time"),
        ({"content": "AAAA"}, "content"),
        ({"content": "AAA"}, "content"),
        ({"encryption": "none"}, "encryption"),
    ],
    ids=str,
)
async def test_what_is_rightly_signed_and_cannot_be_is_not_believed(change: dict[str, str], found: str) -> None:
    said = envelope("sealed answer") | change
    names = ("app_id", "request_no", "time", "method", "code", "encryption", "content")
    text = signed_text("answer", *(said[name] for name in names))
    signature = await MacSigner(Suite.INTERNATIONAL, [SECRET]).sign(text)

    assert await flaw(said | {"signature": signature}, ours(KEY_TEXT), asked("sealed request")) == found


def test_without_a_secret_nothing_can_be_signed() -> None:
    with pytest.raises(ValueError, match="without a secret"):
        MacSigner(Suite.INTERNATIONAL, [])


async def test_a_way_to_sign_that_was_not_agreed_is_not_looked_at() -> None:
    said = envelope("answer") | {"signature_type": "none"}

    assert await flaw(said, ours(), asked("request")) == "signature_type"


@pytest.mark.parametrize(
    ("suite", "key"),
    [
        (Suite.INTERNATIONAL, "AAAA"),
        (Suite.INTERNATIONAL, "no base64"),
        (Suite.INTERNATIONAL, SM4_KEY_TEXT),
        (Suite.SM, KEY_TEXT),
    ],
)
def test_a_key_that_is_none_is_refused_without_telling_it(suite: Suite, key: str) -> None:
    with pytest.raises(ValueError, match="a key for the national gateway") as refused:
        cipher_of(suite, key)

    assert key not in str(refused.value)
