"""Standard Webhooks: signed as published, believed only as signed and only for five minutes."""

import base64
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.webhooks import Flaw, NotGenuine, Webhooks, read_secret
from app.core.clock import Clock

# https://github.com/standard-webhooks/standard-webhooks: libraries/go/webhook_test.go lines 201-205 and
# libraries/csharp/StandardWebhooks.Tests/WebhookTest.cs lines 177-181.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SIGNED_AT = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
PUBLISHED = {"webhook-id": MESSAGE, "webhook-timestamp": str(SIGNED_AT), "webhook-signature": SIGNATURE}

OLD, NEW, STRANGE = (bytes([n]) * 24 for n in (1, 2, 3))


class Stopped(Clock):
    """A clock that stands still."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._seconds, UTC)


def webhooks(*secrets: bytes, at: float = SIGNED_AT) -> Webhooks:
    return Webhooks(secrets or [read_secret(SECRET)], Stopped(at))


def flaw(headers: dict[str, str], body: bytes = BODY, *, at: float = SIGNED_AT) -> Flaw:
    with pytest.raises(NotGenuine) as refused:
        webhooks(at=at).verify(headers, body)
    return refused.value.flaw


class TestPublished:
    def test_the_published_message_is_signed_as_published(self) -> None:
        assert webhooks().sign(MESSAGE, BODY) == PUBLISHED

    def test_the_published_message_is_believed(self) -> None:
        assert webhooks().verify(PUBLISHED, BODY) == MESSAGE


class TestTime:
    @pytest.mark.parametrize("seconds", [-300, -1, 0, 0.9, 299.9, 300])
    def test_within_five_minutes_a_message_is_believed(self, seconds: float) -> None:
        assert webhooks(at=SIGNED_AT + seconds).verify(PUBLISHED, BODY) == MESSAGE

    @pytest.mark.parametrize("seconds", [-86400, -301, -300.1, 300.1, 301, 86400])
    def test_one_that_is_too_old_or_of_the_future_is_not(self, seconds: float) -> None:
        assert flaw(PUBLISHED, at=SIGNED_AT + seconds) is Flaw.TIME

    @pytest.mark.parametrize(
        "timestamp", ["", "now", "-1614265330", "1614265330.0", "1e9", "+1614265330", " 1614265330", "١٦", "9" * 400]
    )
    def test_a_time_that_is_no_number_of_seconds_is_none(self, timestamp: str) -> None:
        assert flaw(PUBLISHED | {"webhook-timestamp": timestamp}) is Flaw.HEADERS


class TestContent:
    @pytest.mark.parametrize("body", [b"", b'{"test": 2432232315}', BODY + b" ", BODY + b"\n", b"\xff\xfe"])
    def test_another_body_is_not_believed(self, body: bytes) -> None:
        assert flaw(PUBLISHED, body) is Flaw.SIGNATURE

    def test_id_and_time_are_signed_too(self) -> None:
        assert flaw(PUBLISHED | {"webhook-id": "msg_other"}) is Flaw.SIGNATURE
        assert flaw(PUBLISHED | {"webhook-timestamp": str(SIGNED_AT + 1)}) is Flaw.SIGNATURE

    def test_id_and_time_cannot_be_cut_in_another_place(self) -> None:
        moved = {"webhook-id": f"{MESSAGE}.{SIGNED_AT}", "webhook-timestamp": str(SIGNED_AT)}

        assert flaw(PUBLISHED | moved) is Flaw.HEADERS
        with pytest.raises(ValueError, match="letters"):
            webhooks().sign(f"{MESSAGE}.{SIGNED_AT}", BODY)

    @pytest.mark.parametrize("message_id", ["", "a b", "ü", "a\nb", "x" * 129])
    def test_ids_are_short_and_plain(self, message_id: str) -> None:
        assert flaw(PUBLISHED | {"webhook-id": message_id}) is Flaw.HEADERS
        with pytest.raises(ValueError, match="letters"):
            webhooks().sign(message_id, BODY)

    @pytest.mark.parametrize("missing", sorted(PUBLISHED))
    def test_no_header_may_be_missing(self, missing: str) -> None:
        headers = {name: value for name, value in PUBLISHED.items() if name != missing}

        assert flaw(headers) is (Flaw.SIGNATURE if missing == "webhook-signature" else Flaw.HEADERS)


class TestSignatures:
    @pytest.mark.parametrize(
        "signatures",
        [
            f"v1,{base64.b64encode(bytes(32)).decode()} {SIGNATURE}",
            f"{SIGNATURE} v1,x",
            f"v1a,{SIGNATURE[3:]} v2 , ,, {SIGNATURE}",
            f"  {SIGNATURE}",
        ],
    )
    def test_one_good_one_among_several_is_enough(self, signatures: str) -> None:
        assert webhooks().verify(PUBLISHED | {"webhook-signature": signatures}, BODY) == MESSAGE

    @pytest.mark.parametrize(
        "signatures",
        [
            "",
            " ",
            "v1",
            "v1,",
            "v1,ü",
            SIGNATURE[3:],
            SIGNATURE.replace("v1,", "v1a,"),
            SIGNATURE.replace("v1,", "v2,"),
            SIGNATURE.replace("v1,", "V1,"),
            SIGNATURE.rstrip("="),
            SIGNATURE[:-2] + "F=",
            SIGNATURE.replace(" ", "\t") + "\t",
        ],
    )
    def test_what_is_none_of_ours_is_no_signature(self, signatures: str) -> None:
        assert flaw(PUBLISHED | {"webhook-signature": signatures}) is Flaw.SIGNATURE

    @given(headers=st.dictionaries(st.sampled_from(sorted(PUBLISHED)), st.text()), body=st.binary())
    def test_whatever_comes_is_refused_in_one_way(self, headers: dict[str, str], body: bytes) -> None:
        assert flaw(headers, body) in Flaw


class TestSecrets:
    def test_a_secret_is_changed_without_a_message_lost(self) -> None:
        """First the receiver takes both, then the sender signs with both, then each lets the old one go."""
        stages = [(OLD,), (NEW, OLD), (NEW,)]

        for before, after in pairwise(stages):
            for sender, receiver in ((before, after), (after, before)):
                headers = webhooks(*sender).sign("msg_1", BODY)
                assert webhooks(*receiver).verify(headers, BODY) == "msg_1"

    def test_there_is_a_signature_for_each_secret(self) -> None:
        both = webhooks(NEW, OLD).sign("msg_1", BODY)["webhook-signature"].split(" ")

        assert both == [webhooks(secret).sign("msg_1", BODY)["webhook-signature"] for secret in (NEW, OLD)]
        assert len(set(both)) == 2

    def test_a_secret_that_was_let_go_signs_nothing_more(self) -> None:
        headers = webhooks(OLD, STRANGE).sign("msg_1", BODY)

        with pytest.raises(NotGenuine):
            webhooks(NEW).verify(headers, BODY)

    def test_without_a_secret_there_are_no_signatures(self) -> None:
        with pytest.raises(ValueError, match="secret"):
            Webhooks([], Stopped(0))

    @pytest.mark.parametrize("size", [24, 32, 64])
    def test_secrets_are_24_to_64_bytes(self, size: int) -> None:
        assert read_secret("whsec_" + base64.b64encode(bytes(size)).decode()) == bytes(size)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_hush",
            "whsec_" + base64.b64encode(bytes(23)).decode(),
            "whsec_" + base64.b64encode(bytes(65)).decode(),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            "whsec_MfKQ9r8G KYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8G-YqrTwjUPD8ILPZIo2LaLa_w",
            "whsec_ü",
        ],
    )
    def test_other_texts_are_refused_and_not_quoted(self, text: str) -> None:
        with pytest.raises(ValueError, match="a secret") as refused:
            read_secret(text)

        assert text.removeprefix("whsec_") not in str(refused.value) or text in ("", "whsec_")
