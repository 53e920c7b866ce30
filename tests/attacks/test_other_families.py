"""Another family's ids, tried on every path of the published document: nothing is there for a stranger.

What is walked is the document itself, so a path that is published tomorrow is tried tomorrow. The family that is tried
on has one of everything that has an id.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import httpx
import pytest

from app.models.base import PERSONAL, Base
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.api.documents import JSON, document, operations
from tests.factories.make import Holder, Make
from tests.factories.phone import Phone

_UNKNOWN: Final = "00008d11-0000-8000-8000-000000000000"
_WORDS: Final[Mapping[str, str]] = {"page": "1", "number": "1"}
"""What stands in a path where no id does and the document lists no words."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for with the token of somebody who is signed in."""

    method: str
    path: str
    said: JSON

    @property
    def names(self) -> Sequence[str]:
        """The names of the places for ids in the path."""
        return [each["name"] for each in self.parameters if each["name"] == "holder" or each["name"].endswith("_id")]

    @property
    def parameters(self) -> Sequence[JSON]:
        return [each for each in self.said.get("parameters", ()) if each.get("in") == "path"]

    def addresses(self, known: Sequence[str]) -> Iterator[str]:
        """Every way to put these ids into the path; `me` stands for oneself only beside an id."""
        choices = [["me", *known] if name == "holder" and len(self.names) > 1 else known for name in self.names]
        for chosen in product(*choices):
            if len(chosen) == 2 and chosen[0] != "me" and chosen[0] != known[0]:
                continue  # the link first, then everything: not everything with everything
            yield self.path.format(**self._words(), **dict(zip(self.names, chosen, strict=True)))

    def _words(self) -> Mapping[str, str]:
        others = [each for each in self.parameters if each["name"] not in self.names]
        return {each["name"]: _WORDS.get(each["name"]) or _first_word(each["schema"]) for each in others}

    @property
    def body(self) -> Mapping[str, Any]:
        """What is sent along: the document's own example, or a small picture."""
        content = self.said.get("requestBody", {}).get("content", {})
        if not content:
            return {}
        if "application/json" in content:
            shape = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
            return {"json": document()["components"]["schemas"][shape]["examples"][0]}
        kind = next(iter(content))
        return {"content": b"\xff\xd8\xff\xe0 no picture", "headers": {"Content-Type": kind}}


def of_holders() -> list[Operation]:
    """Return what a holder can ask for with an id in the path."""
    found = [Operation(method.upper(), path, said) for method, path, said in operations()]
    return [each for each in found if each.names and {"bearer": []} in each.said.get("security", ())]


@pytest.fixture
async def known(owner: Phone, people: dict[str, TestPerson], make: Make, house: House) -> Sequence[str]:
    """The ids of a family that has one of everything: a link first, then one of each table."""
    await owner.add(people["parent-68"], "51", age=68)
    await owner.to_face(people["child-9"], "20", age=9)
    rows = [f"({_first_id(table)})" for table in Base.metadata.sorted_tables if _has_ids(table)]
    link = await house.db.fetch("SELECT id FROM family_link WHERE state = 'active'")
    ids = await house.db.fetch(" UNION ALL ".join(rows))
    return [str(link[0]["id"]), *(str(row["id"]) for row in ids)]


@pytest.fixture
async def stranger(make: Make, known: Sequence[str]) -> Holder:
    """Somebody of another family, who has just given their card password."""
    return await make.card_password(await make.owner())


def test_the_walk_goes_somewhere() -> None:
    walked = {(each.method, each.path) for each in of_holders()}

    assert {
        ("GET", "/v1/holders/{holder}/card"),
        ("DELETE", "/v1/family/members/{link_id}"),
        ("PUT", "/v1/enrolments/{enrolment_id}/details"),
        ("POST", "/v1/face-checks/{check_id}/completion"),
    } <= walked


async def test_nothing_of_another_family_is_there(known: Sequence[str], stranger: Holder) -> None:
    wrong = []

    for operation in of_holders():
        nobody = await ask(stranger, operation, next(operation.addresses([_UNKNOWN])))
        for address in operation.addresses(known):
            answer = await ask(stranger, operation, address)
            if answer.status_code != 404 or told(answer) != told(nobody):
                wrong.append(f"{operation.method} {address}: {answer.status_code} {answer.text[:120]}")

    assert not wrong, "\n".join(wrong)


async def ask(stranger: Holder, operation: Operation, address: str) -> httpx.Response:
    given = operation.body
    headers = stranger.headers | {"Idempotency-Key": secrets.token_hex(8)} | given.get("headers", {})
    return await stranger.client.request(operation.method, address, **dict(given) | {"headers": headers})


def told(answer: httpx.Response) -> JSON:
    """What an answer tells, but for the number of the request."""
    said: JSON = answer.json() if answer.content else {}
    return {name: value for name, value in said.items() if name != "request_id"}


def _first_word(schema: JSON) -> str:
    shape = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    word: str = shape["enum"][0]
    return word


def _has_ids(table: Any) -> bool:
    return table.info == PERSONAL and "id" in table.c


def _first_id(table: Any) -> str:
    return f"SELECT id FROM {table.name} LIMIT 1"  # noqa: S608 - names of our own tables
