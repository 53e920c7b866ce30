"""Asks the national gateway: signed envelopes, an end to every wait, none asked in vain (docs/national-gateway.md)."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
import orjson

from app.adapters.answers import whole
from app.adapters.gateways import PLAIN, GatewaySilent, Model, is_not_now, secrets_of, understood
from app.adapters.national.circuits import Circuit, CircuitOpen, Failed, State
from app.adapters.national.codes import MEANINGS, Call, Group, Meaning
from app.adapters.national.envelopes import Answered, Asked, Envelopes, NotBelieved
from app.adapters.national.signing import EnvelopeSigner, MacSigner, cipher_of
from app.core.clock import Clock
from app.core.logging import logger
from app.core.settings.groups import NationalGatewaySettings
from app.ports.signer import SignerUnavailable

_FIRST_PAUSE_SECONDS: Final = 0.2
_LATER_SECONDS: Final = 5  # when to ask again, where nothing better is known


class NationalSilent(GatewaySilent):
    """No answer, or none that we understand or believe; `retry_after_seconds` is when one may be expected."""

    def __init__(self, *, is_heard: bool = True, retry_after_seconds: int = _LATER_SECONDS) -> None:
        super().__init__("silent")
        self.is_heard = is_heard
        self.retry_after_seconds = retry_after_seconds


class _NotNow(Failed):
    """No answer, and there may be one to the next try; its text says why, for the log."""


class _NotGenuine(Failed):
    """Something that the gateway has not said, or not to us: trying again would make it no better."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A genuine answer to a call: what it means, and its content."""

    meaning: Meaning
    content: bytes = field(repr=False)

    def read(self, model: type[Model]) -> Model:
        """Read the content.

        Raises:
            NationalSilent: it is not what the contract says.
        """
        try:
            return understood(model, self.content)
        except GatewaySilent as error:
            raise NationalSilent from error


class NationalGateway:
    """The gateway behind its address; one for a process, for what it remembers of each group of calls."""

    def __init__(
        self,
        settings: NationalGatewaySettings,
        clock: Clock,
        client: httpx.AsyncClient,
        signer: EnvelopeSigner | None = None,
    ) -> None:
        cipher = cipher_of(settings.suite, settings.encryption_keys.get_secret_value())
        self._endpoint = settings.endpoint
        self._most_seconds = settings.timeout_seconds
        signing = signer or MacSigner(settings.suite, secrets_of(settings))
        self._envelopes = Envelopes(settings.app_id, signing, cipher, clock)
        self._client = client
        self._circuits = {group: Circuit(group.value, clock) for group in Group}
        self._places = {group: asyncio.Semaphore(settings.concurrency) for group in Group}

    def circuits(self) -> Mapping[str, State]:
        """Return how the circuit of each group of calls stands."""
        return {group.value: circuit.state for group, circuit in self._circuits.items()}

    async def ask(self, group: Group, call: Call, content: Mapping[str, object]) -> Reply:
        """Make a call, as often as it may be tried in its time, and return the answer.

        Raises:
            NationalSilent: there was none in time, none that we believe, or one that we do not understand.
        """
        until = asyncio.get_running_loop().time() + min(call.seconds, self._most_seconds)
        try:
            async with asyncio.timeout_at(until):
                await self._places[group].acquire()
        except TimeoutError as error:
            _warn("national_gateway_crowded", call, group.value)
            raise NationalSilent(is_heard=False) from error
        try:
            answered = await self._tries(self._circuits[group], call, orjson.dumps(content), until)
        finally:
            self._places[group].release()
        return _reply(call, answered)

    async def _tries(self, circuit: Circuit, call: Call, content: bytes, until: float) -> Answered:
        """Try until there is an answer.

        Raises:
            NationalSilent: there is none in time.
        """
        for turn in range(call.tries):
            if turn and not await _has_paused(turn, until):
                break
            try:
                with circuit.passing() as blame:
                    return await self._try(call, content, until, blame)
            except CircuitOpen as error:
                raise NationalSilent(is_heard=False, retry_after_seconds=error.seconds) from error
            except _NotGenuine as error:
                raise NationalSilent from error
            except SignerUnavailable as error:  # ours, which says nothing of the gateway
                _warn("national_gateway_unsigned", call, "signer")
                raise NationalSilent(is_heard=False) from error
            except _NotNow as error:
                _warn("national_gateway_silent", call, str(error))
        raise NationalSilent(is_heard=False)

    async def _try(self, call: Call, content: bytes, until: float, blame: Callable[[], None]) -> Answered:
        asked = Asked.anew(call.method)
        body = await self._envelopes.seal(asked, content)
        status, said = await self._in_time(call, body, until, blame)
        if is_not_now(status):
            raise _NotNow(f"http_{status}")
        if status != 200:
            raise _not_genuine(call, f"http_{status}")
        try:
            answered = await self._envelopes.open(asked, said)
        except NotBelieved as error:
            raise _not_genuine(call, error.flaw) from error
        if MEANINGS.get(answered.code) is Meaning.NOT_NOW:
            raise _NotNow(answered.code)
        return answered

    async def _in_time(self, call: Call, body: bytes, until: float, blame: Callable[[], None]) -> tuple[int, bytes]:
        """Exchange; a silence counts against the gateway when it had half of a try's time to end it."""
        loop = asyncio.get_running_loop()
        started, fair = loop.time(), min(call.try_seconds, self._most_seconds) / 2
        try:
            async with asyncio.timeout_at(min(started + call.try_seconds, until)):
                return await self._exchange(call, body)
        except httpx.HTTPError as error:
            raise _NotNow(type(error).__name__) from error
        except TimeoutError as error:
            if loop.time() - started >= fair:
                raise _NotNow("timeout") from error
            _warn("national_gateway_crowded", call, "late")
            raise NationalSilent(is_heard=False) from error
        except asyncio.CancelledError:
            if loop.time() - started >= fair:
                blame()
            raise

    async def _exchange(self, call: Call, body: bytes) -> tuple[int, bytes]:
        async with self._client.stream(
            "POST", self._endpoint, content=body, headers=PLAIN, follow_redirects=False
        ) as answer:
            try:
                return answer.status_code, await whole(answer.aiter_raw(), call.most_bytes, GatewaySilent())
            except GatewaySilent as error:
                raise _not_genuine(call, "size") from error


async def _has_paused(turn: int, until: float) -> bool:
    """Wait before another try, longer each time and never for the same; say whether there is time for it."""
    pause = random.uniform(0.5, 1) * _FIRST_PAUSE_SECONDS * 2 ** (turn - 1)  # noqa: S311 - no secret
    if asyncio.get_running_loop().time() + pause >= until:
        return False
    await asyncio.sleep(pause)
    return True


def _reply(call: Call, answered: Answered) -> Reply:
    """Say what an answer means.

    Raises:
        NationalSilent: it is none that this call may have; the log has its code.
    """
    meaning = MEANINGS.get(answered.code)
    if meaning is None or meaning not in call.may_say:
        event = "national_gateway_refused" if meaning is Meaning.NOT_LET_IN else "national_gateway_not_understood"
        _warn(event, call, answered.code)
        raise NationalSilent
    return Reply(meaning, answered.content)


def _not_genuine(call: Call, flaw: str) -> _NotGenuine:
    _warn("national_gateway_not_genuine", call, flaw)
    return _NotGenuine(flaw)


def _warn(event: str, call: Call, why: str) -> None:
    logger(__name__).warning(event, method=call.method, why=why)
