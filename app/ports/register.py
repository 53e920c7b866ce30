"""The port to the citizen register: people, their physical cards, portraits and parents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from app.core.errors import Unavailable


class RegisterUnavailable(Unavailable):
    """The register does not answer."""

    code = "register-unavailable"


class PhysicalCardStatus(StrEnum):
    """Status of a physical card (aaz502), as the domain numbers them; each connector translates its own."""

    NOT_ACTIVATED = "0"
    NORMAL = "1"
    LOST = "2"
    APPLICATION_LOCKED = "3"
    LOST_TEMPORARILY = "4"
    CANCELLED = "9"


@dataclass(frozen=True, slots=True)
class PhysicalCard:
    """A physical social security card: card number (aaz500, 9 characters) and status (aaz502)."""

    number: str = field(repr=False)
    status: PhysicalCardStatus


@dataclass(frozen=True, slots=True)
class RegisteredPerson:
    """A person as the register holds them.

    `sex` is GB/T 2261.1 (0 unknown, 1 male, 2 female, 9 not stated), `region` GB/T 2260 (6 digits), `card` the physical
    card once collected, `parents` and `guardians` social security numbers, `computer_number` the personal number that a
    city's insurance system gives (aac001).
    """

    number: str = field(repr=False)
    name: str = field(repr=False)
    sex: str
    birth_date: date = field(repr=False)
    region: str
    is_alive: bool
    phone: str | None = field(default=None, repr=False)
    card: PhysicalCard | None = None
    parents: frozenset[str] = field(default=frozenset(), repr=False)
    guardians: frozenset[str] = field(default=frozenset(), repr=False)
    computer_number: str | None = field(default=None, repr=False)


class Register(Protocol):
    """Answers questions about people."""

    async def find(self, number: str) -> RegisteredPerson | None:
        """Return the person with this social security number (normalised), dead or alive.

        Raises:
            RegisterUnavailable: no answer, or none that we understand.
        """
        ...

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        """Return the person whose physical card bears this number (aaz500, in capitals), whatever its status.

        Raises:
            RegisterUnavailable: no answer, or none that we understand; two people with one number are none.
        """
        ...

    async def portrait(self, number: str) -> bytes | None:
        """Return the reference portrait, a JPEG image, if the register holds one.

        Raises:
            RegisterUnavailable: no answer, or none that we understand.
        """
        ...


class EventRefused(Exception):
    """An event is signed by nobody we know, not of now, or none that we understand."""


class RegisterEvents(Protocol):
    """Reads what the register says of its own accord."""

    def number_in(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Return the number of whom an event says that their card or they have changed, as the event writes it.

        It is a hint to ask the register, no news by itself; None where it is about something that we do not follow.

        Args:
            headers: by their names in lower case.
            body: the bytes as they came.

        Raises:
            EventRefused: it is not to be believed, or none that we understand.
        """
        ...


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What is to change in the demo register about one of its people; None leaves a fact as it is.

    `new_card` gives them another physical card, of a number of its own.
    """

    card_status: PhysicalCardStatus | None = None
    is_alive: bool | None = None
    new_card: bool = False


@dataclass(frozen=True, slots=True)
class TestPerson:
    """Somebody of the demo register, who is nobody: a stable label and made-up facts."""

    __test__ = False  # a word of the domain, no test of pytest's

    label: str
    name: str
    number: str
    computer_number: str
    card_number: str | None
    birth_date: date
    phone: str | None
    note: str
    card_status: PhysicalCardStatus | None = None
    is_alive: bool = True
