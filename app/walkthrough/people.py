"""Who plays in the story: test people, as a development server shows them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.walkthrough.phone import Unexpected
from app.walkthrough.telling import JSON

CAST: Final = ("owner", "child-9", "parent-68", "parent-mother")


@dataclass(frozen=True, slots=True)
class Person:
    """A test person, as `/dev/people` shows them."""

    label: str
    name: str = field(repr=False)
    number: str = field(repr=False)
    phone: str | None = field(repr=False)
    age: int
    computer_number: str = field(repr=False)
    card_number: str | None = field(repr=False)

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Person":
        """Read one of the items."""
        return cls(
            item["label"],
            item["name"],
            item["social_security_number"],
            item["phone"],
            item["age"],
            item["computer_number"],
            item["card_number"],
        )


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays."""

    owner: Person
    child: Person
    father: Person
    mother: Person

    @classmethod
    def of(cls, items: Sequence[Mapping[str, Any]]) -> "Cast":
        """Find them among the test people.

        Raises:
            Unexpected: somebody is missing.
        """
        return cls(*named(items, *CAST))


def named(items: Sequence[Mapping[str, Any]], *labels: str) -> Sequence[Person]:
    """Find test people by their labels, in that order.

    Raises:
        Unexpected: somebody is missing.
    """
    people = {item["label"]: Person.of(item) for item in items}
    if missing := set(labels) - people.keys():
        raise Unexpected(f"The server's register has no {', '.join(sorted(missing))}: run `escard demo` there.")
    return [people[label] for label in labels]


def only(*labels: str) -> Callable[[JSON], JSON]:
    """Make what leaves out of `/dev/people` who does not play."""

    def shown(people: JSON) -> JSON:
        playing = [item for item in people["items"] if item["label"] in labels]
        return {"items": [*playing, f"… and {len(people['items']) - len(playing)} more"]}

    return shown
