"""What Alibaba Cloud calls back, unsigned, is known by a token."""

from collections.abc import Callable
from uuid import UUID

import pytest

from app.adapters.face.aliyun import AliyunFaceProvider
from app.core.clock import MovableClock
from app.ports.face import FaceCallback, FaceDecision, FaceEvent
from tests.adapters.face.aliyun.asking import asked
from tests.adapters.face.aliyun.vendor import AliyunVendor


class TestCallbacks:
    @pytest.fixture
    async def query(self, vendor: AliyunVendor, provider: AliyunFaceProvider) -> dict[str, str]:
        started = await provider.start(asked(check_id=UUID(int=7)))
        return vendor.called_back(vendor.calls[0].form, started)

    def heard(self, provider: AliyunFaceProvider, query: dict[str, str]) -> FaceEvent | None:
        return provider.event_of(FaceCallback(query, {}, b""))

    async def test_a_check_is_known_by_its_token(self, provider: AliyunFaceProvider, query: dict[str, str]) -> None:
        event = self.heard(provider, query)

        assert event is not None
        assert event.check_id == UUID(int=7)
        assert event == self.heard(provider, query)

    async def test_another_process_knows_it_too(
        self, vendor: AliyunVendor, clock: MovableClock, query: dict[str, str]
    ) -> None:
        assert self.heard(vendor.made(clock), query) is not None

    @pytest.mark.parametrize("name", ["callbackToken", "CallbackToken", "callbacktoken"])
    async def test_the_vendor_may_spell_the_name_as_it_likes(
        self, provider: AliyunFaceProvider, query: dict[str, str], name: str
    ) -> None:
        assert self.heard(provider, {name: query["callbackToken"]}) is not None

    @pytest.mark.parametrize(
        "broken",
        [
            lambda token: "",
            lambda token: token[:32],
            lambda token: token[:-1],
            lambda token: token + "0",
            lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
            lambda token: UUID(int=8).hex + token[32:],
            lambda token: token.upper(),
            lambda token: token[:32] + "ü" * 32,
            lambda token: "{" + token[1:],
            lambda token: "not an id at all, but a text of more than sixty-four characters in all",
        ],
    )
    async def test_who_does_not_know_the_token_is_not_heard(
        self, provider: AliyunFaceProvider, query: dict[str, str], broken: Callable[[str], str]
    ) -> None:
        assert self.heard(provider, query | {"callbackToken": broken(query["callbackToken"])}) is None

    async def test_two_tokens_are_none(self, provider: AliyunFaceProvider, query: dict[str, str]) -> None:
        assert self.heard(provider, query | {"CallbackToken": query["callbackToken"]}) is None

    async def test_the_token_is_not_known_without_the_secret(
        self, vendor: AliyunVendor, clock: MovableClock, query: dict[str, str]
    ) -> None:
        assert self.heard(vendor.made(clock, access_key_secret="another"), query) is None

    async def test_what_a_callback_says_of_the_person_is_not_read(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        vendor.sub_code = "204"
        started = await provider.start(asked())
        said = vendor.called_back(vendor.calls[0].form, started)

        event, result = self.heard(provider, said), await provider.result(started.provider_ref)

        assert said["passed"] == "T"
        assert event is not None
        assert result.decision is FaceDecision.FAILED
