"""What the codes of the national gateway's answers mean to us, and what each call may be answered.

DONE          0, 200   both are in use: the older systems behind the gateway say 0, the newer ones 200
ALREADY_DONE  208      an order that was taken before, under the same number: as good as done
NOTHING       404      nobody and nothing by this number
REFUSED       422      for good; the content says why
NOT_NOW       429, 500, 502, 503, 504
NOT_LET_IN    401, 403, 409, 413   our signature, our rights there, our clock or number, our size: people have to look

Everything else is not understood: no answer, and the log has the code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final


class Meaning(Enum):
    """What a code means."""

    DONE = auto()
    ALREADY_DONE = auto()
    NOTHING = auto()
    REFUSED = auto()
    NOT_NOW = auto()
    NOT_LET_IN = auto()


MEANINGS: Final[Mapping[str, Meaning]] = {
    "0": Meaning.DONE,
    "200": Meaning.DONE,
    "208": Meaning.ALREADY_DONE,
    "404": Meaning.NOTHING,
    "422": Meaning.REFUSED,
    "429": Meaning.NOT_NOW,
    "500": Meaning.NOT_NOW,
    "502": Meaning.NOT_NOW,
    "503": Meaning.NOT_NOW,
    "504": Meaning.NOT_NOW,
    "401": Meaning.NOT_LET_IN,
    "403": Meaning.NOT_LET_IN,
    "409": Meaning.NOT_LET_IN,
    "413": Meaning.NOT_LET_IN,
}


class Group(StrEnum):
    """Calls that fail together: each group has a circuit and places of its own."""

    REGISTER = "register"
    HUMAN_RESOURCES = "human_resources"
    HEALTHCARE_SECURITY = "healthcare_security"
    CARD_ORDERS = "card_orders"
    MEDICAL_FUNDS = "medical_funds"


@dataclass(frozen=True, slots=True)
class Call:
    """A method: how long it may take, all tries and one, how many tries, how big its answer is, what it may say.

    A deed has an order number in its content; it is tried again under that number alone.
    """

    method: str
    seconds: float
    try_seconds: float
    tries: int
    most_bytes: int
    may_say: frozenset[Meaning]


_READ: Final = frozenset({Meaning.DONE})
_LOOK: Final = frozenset({Meaning.DONE, Meaning.NOTHING})
_DEED: Final = frozenset({Meaning.DONE, Meaning.ALREADY_DONE, Meaning.REFUSED})
_UNDOING: Final = frozenset({Meaning.DONE, Meaning.ALREADY_DONE})
_KIB: Final = 1024

FIND: Final = Call("register.find", 6, 2.5, 3, 64 * _KIB, _LOOK)
FIND_BY_CARD: Final = Call("register.find_by_card", 6, 2.5, 3, 64 * _KIB, _LOOK)
PORTRAIT: Final = Call("register.portrait", 8, 4, 2, 4096 * _KIB, _LOOK)
PARTICIPATIONS: Final = Call("rights.participations", 8, 4, 2, 1536 * _KIB, _READ)
CONTRIBUTIONS: Final = Call("rights.contributions", 8, 4, 2, 1536 * _KIB, _READ)
BENEFITS: Final = Call("rights.benefits", 8, 4, 2, 1536 * _KIB, _READ)
SUBMIT: Final = Call("card_orders.submit", 10, 5, 2, 64 * _KIB, _DEED)
PROGRESS: Final = Call("card_orders.progress", 6, 2.5, 3, 64 * _KIB, _LOOK)
BALANCES: Final = Call("funds.balances", 3, 1.4, 2, 64 * _KIB, _READ)
SETTLE: Final = Call("funds.settle", 10, 2.8, 3, 64 * _KIB, _DEED)
GIVE_BACK: Final = Call("funds.give_back", 10, 2.8, 3, 64 * _KIB, _UNDOING)
PAID: Final = Call("funds.paid", 8, 4, 2, 64 * _KIB, _READ)
CALLS: Final = (
    *(FIND, FIND_BY_CARD, PORTRAIT),
    *(PARTICIPATIONS, CONTRIBUTIONS, BENEFITS),
    *(SUBMIT, PROGRESS),
    *(BALANCES, SETTLE, GIVE_BACK, PAID),
)
