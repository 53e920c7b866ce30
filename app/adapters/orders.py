"""What gateways have in common that take orders and tell their steps; the contract is in docs/gateways.md."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Final, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from app.adapters.gateways import Answer, Gateway, GatewaySilent, Model, Said
from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.logging import logger

_AHEAD: Final = timedelta(minutes=5)  # how far a gateway's clock may be before ours
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}$")]


class SaidOrder(Said):
    """An answer about an order, which it names."""

    order_no: str


class SaidStep(Said):
    """A step of an order, and why it ended it, where it did."""

    status: Code
    at: AwareDatetime
    reason: Code | None = None

    @property
    def code(self) -> str:
        """Its code and that of its reason."""
        return "/".join(filter(None, (self.status, self.reason)))


class SaidRefusal(SaidOrder, SaidStep):
    """The step that refuses an order."""


class SaidProgress(SaidOrder):
    """Every step of an order so far."""

    steps: Annotated[list[SaidStep], Field(max_length=32)]


Own = TypeVar("Own", bound=SaidOrder)


class OrderBeliefs:
    """What is believed of what is said of orders; the rest is logged as `{name}_not_believed`."""

    def __init__(self, clock: Clock, name: str, unavailable: Callable[[], Unavailable]) -> None:
        self._clock = clock
        self._name = name
        self._unavailable = unavailable

    def require_own(self, said: Own, order_id: UUID) -> Own:
        """Return what is said of the very order that was asked about."""
        if said.order_no != str(order_id):
            raise self.not_believed("order")
        return said

    def believed_refusal(self, said: SaidRefusal, order_id: UUID) -> SaidStep:
        """Return the step that refuses the order, which is not one to come."""
        self._require_past(self.require_own(said, order_id))
        return said

    def believed_steps(self, said: SaidProgress, order_id: UUID) -> list[SaidStep]:
        """Return the steps of the order, of which none is to come and none before the one before it."""
        steps = self.require_own(said, order_id).steps
        for step in steps:
            self._require_past(step)
        if any(later.at < earlier.at for earlier, later in pairwise(steps)):
            raise self.not_believed("order_of_times")
        return steps

    def not_believed(self, what: str) -> Unavailable:
        """Log what is not believed, and return the error to raise."""
        logger(__name__).warning(f"{self._name}_not_believed", what=what)
        return self._unavailable()

    def _require_past(self, step: SaidStep) -> None:
        if step.at > self._clock.now() + _AHEAD:
            raise self.not_believed("time")


class OrderGateway(OrderBeliefs):
    """Asks a gateway about orders, and believes no answer that the contract does not have.

    All that goes wrong is the port's own error.
    """

    def __init__(self, gateway: Gateway, clock: Clock, name: str, unavailable: Callable[[], Unavailable]) -> None:
        super().__init__(clock, name, unavailable)
        self._gateway = gateway

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        try:
            return await self._gateway.ask(method, path, body)
        except GatewaySilent as error:
            raise self._unavailable() from error

    async def submit(self, path: str, order_id: UUID, body: Mapping[str, object]) -> SaidStep | None:
        """Hand an order in; return the step that refuses it, or None: it was taken."""
        answer = await self.ask("PUT", path, {"order_no": str(order_id), **body})
        if answer.status != 422:
            self.read_own(answer, SaidOrder, {200, 201}, order_id)
            return None
        return self.believed_refusal(self.read(answer, SaidRefusal, {422}), order_id)

    def steps(self, answer: Answer, order_id: UUID) -> list[SaidStep]:
        """Read the steps of an order."""
        return self.believed_steps(self.read(answer, SaidProgress, {200}), order_id)

    def read(self, answer: Answer, model: type[Model], good: set[int]) -> Model:
        if answer.status not in good:
            raise self.not_believed(f"http_{answer.status}")
        try:
            return answer.read(model)
        except GatewaySilent as error:
            raise self._unavailable() from error

    def read_own(self, answer: Answer, model: type[Own], good: set[int], order_id: UUID) -> Own:
        """Read an answer about the very order that was asked about."""
        return self.require_own(self.read(answer, model, good), order_id)
