"""Another family's ids, tried on every path of the published document: nothing is there for a stranger.

What is walked is the document itself, so a path that is published tomorrow is tried tomorrow. The family that is tried
on has one of everything that has an id.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import httpx
import pytest

from app.models.base import PERSONAL, Base
from app.ports.register import TestPerson
from app.routers.deps import House
from app.worker import relay
from tests.api.documents import JSON, document, operations
from tests.factories.adding import later
from tests.factories.callers import sign_in
from tests.factories.make import Holder, Make
from tests.factories.phone import PASSWORD, Phone

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
        """The names of the places for ids in the path, in their order."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name == "holder" or name.endswith("_id")]

    @property
    def parameters(self) -> Sequence[JSON]:
        return [each for each in self.said.get("parameters", ()) if each.get("in") == "path"]

    def addresses(self, links: Sequence[str], ids: Sequence[str]) -> Iterator[str]:
        """Every way to put ids into the path: a link before another id, where `me` stands for oneself."""
        *before, _ = self.names
        choices = [[*links, "me"] if name == "holder" else links for name in before] + [ids]
        for chosen in product(*choices):
            yield self.path.format(**self.words(), **dict(zip(self.names, chosen, strict=True)))

    def words(self) -> Mapping[str, str]:
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


@dataclass(frozen=True, slots=True)
class Family:
    """An owner and two members with phones of their own, and the ids of what they have."""

    people: Sequence[Phone]
    links: Sequence[str]
    ids: Sequence[str]


@pytest.fixture
async def family(owner: Phone, people: dict[str, TestPerson], phone: Callable[[str], Phone], house: House) -> Family:
    """A family that has one of everything."""
    father = phone("10000000777")
    await father.register()
    await father.own_card(people["parent-68"])
    assert (await owner.add(people["parent-68"], "51", age=68))["state"] == "active"
    added = await owner.add(people["child-turning-16"], "30", age=15)
    await later(house, days=2)
    daughter = phone("10000000778")
    await daughter.register()
    await daughter.own_card(people["child-turning-16"])
    await have_one_of_everything(owner, father)
    await confirm(owner, added["link_id"])
    await share(owner, people["parent-68"])
    await owner.to_face(people["child-9"], "20", age=9)
    await relay.tell_due(house.db, house.ports)
    rows = [f"({_first_id(table)})" for table in Base.metadata.sorted_tables if _has_ids(table)]
    links = [str(row["id"]) for row in await house.db.fetch("SELECT id FROM family_link WHERE state = 'active'")]
    ids = await house.db.fetch(" UNION ALL ".join(rows))
    return Family([owner, father, daughter], links, [*links, *(str(row["id"]) for row in ids)])


async def have_one_of_everything(owner: Phone, father: Phone) -> None:
    """Let an owner file, certify and ask for whatever has an id, and his father too."""
    moved = {"insurance": "pension", "from_region": "100101", "to_region": "100201"}
    for one in (owner, father):
        assert (await sign_in(one, password=PASSWORD)).status_code == 201
        assert (await one.step_up()).status_code == 200
        filed = await one.call("POST", "/v1/holders/me/transfers", moved)
        assert filed.status_code == 201, filed.text
        await one.call("POST", "/v1/holders/me/benefit-certifications", {"way": "counter"})
        stated = await one.call("POST", "/v1/holders/me/rights/statements", {"insurances": ["pension"]})
        assert stated.status_code == 201, stated.text
        ordered = await one.call("POST", "/v1/holders/me/card-orders", {"reason": "damaged", "address": "东溪市一号"})
        assert ordered.status_code == 201, ordered.text
        code = await one.sms_code("card_password_reset")
        reset = await one.call("POST", "/v1/card/password-resets", {"sms_code": code})
        assert reset.status_code == 201, reset.text


async def confirm(owner: Phone, link_id: str) -> None:
    """Let a member who has turned 16 confirm their link."""
    asked = await owner.shown("face-check") | {"services": ["view"], "way": "people"}
    begun = await owner.call("POST", f"/v1/family/members/{link_id}/reconfirmations", asked)
    assert begun.status_code == 201, begun.text


async def share(owner: Phone, father: TestPerson) -> None:
    """Let an owner share his medical account with his father."""
    named = {"computer_number": father.computer_number, "id_number": father.number, "relationship": "51"}
    asked = {"notice": await owner.shown("account-sharing"), "bindings": [named]}
    answer = await owner.call("POST", "/v1/sharing/bindings", asked)
    assert answer.json()["items"][0]["status"] == "pending", answer.text


@pytest.fixture
async def stranger(make: Make, family: Family) -> Holder:
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


async def test_nothing_of_another_family_is_there(family: Family, stranger: Holder) -> None:
    wrong = []

    for operation in of_holders():
        nobody = await ask(stranger, operation, next(operation.addresses([_UNKNOWN], [_UNKNOWN])))
        for address in operation.addresses(family.links, family.ids):
            answer = await ask(stranger, operation, address)
            if answer.status_code != 404 or told(answer) != told(nobody):
                wrong.append(f"{operation.method} {address}: {answer.status_code} {answer.text[:120]}")

    assert not wrong, "\n".join(wrong)


async def test_the_family_itself_finds_something_at_every_path(family: Family) -> None:
    nowhere = [each.path for each in of_holders() if each.method == "GET" and not await is_found(family, each)]

    assert not nowhere, "the family of this test needs one of these, too"


async def is_found(family: Family, operation: Operation) -> bool:
    """Say whether somebody of a family finds something at a path."""
    for one in family.people:
        for address in operation.addresses(family.links, family.ids):
            if (await one.call("GET", address)).status_code == 200:
                return True
    return False


async def test_what_is_read_for_oneself_is_read_for_a_member_alike(family: Family) -> None:
    owner, father = family.people[0], family.links[0]
    unlike = {}

    for operation in of_holders():
        if operation.method == "GET" and operation.names == ["holder"]:
            address, words = operation.path, operation.words()
            answers = [await owner.call("GET", address.format(holder=each, **words)) for each in ("me", father)]
            if [answer.status_code for answer in answers] != [200, 200] or len({*map(shape, answers)}) != 1:
                unlike[address] = [(answer.status_code, shape(answer)) for answer in answers]

    assert not unlike


def shape(answer: httpx.Response) -> tuple[str, ...]:
    """The names of what an answer says."""
    return tuple(sorted(answer.json()))


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
