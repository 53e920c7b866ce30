"""What tests of the reviewers' side share: applications that wait for people, and reviewers."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.models.cases import Case
from app.models.operators import OperatorRole
from app.ports.register import TestPerson
from app.services import cases
from tests.factories.adding import Kin, Owner, ok
from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.staff import Hire, Worker
from tests.factories.staff import hire as hire


@dataclass
class Asked:
    """An application that waits for people: its address, and that of its case."""

    enrolment: str
    review: str
    member: TestPerson


@dataclass
class Ask:
    """Brings applications before people."""

    owner: Owner
    kin: Kin

    async def father(self, *, relationship: str = "51", **facts: Any) -> Asked:
        """Somebody adds their father, of 68, and would rather have people decide."""
        father = await self.kin(**{"age": 68} | facts)
        enrolment = await self.owner.to_face(father, relationship, age=68)
        ok(await self.owner.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))
        return await self._asked(enrolment, father)

    async def newborn(self) -> Asked:
        """Somebody adds their child of 2, of whom there is no portrait: two must agree."""
        child = await self.kin(age=2, parents=[self.owner.person.number], portrait=None)
        enrolment = await self.owner.to_face(child, "20", age=2)
        await self.owner.face_check(enrolment)
        return await self._asked(enrolment, child)

    async def child(self, *, age: int = 9, relationship: str = "20", photo: bytes | None = None, **facts: Any) -> Asked:
        """Somebody adds a child that the register does not know as theirs; the face has passed."""
        child = await self.kin(age=age, **facts)
        enrolment = await self.owner.to_face(child, relationship, age=age, photo=photo)
        await self.owner.face_check(enrolment)
        return await self._asked(enrolment, child)

    async def _asked(self, enrolment: str, member: TestPerson) -> Asked:
        assert (await self.owner.read(enrolment))["state"] == "in_review"
        return Asked(enrolment, f"/v1/reviews/{(await the_newest(self.owner)).id}", member)


async def the_newest(owner: Owner) -> Case:
    """Return the case that was opened last."""
    waiting = await owner.house.db.run(cases.waiting)
    return max(waiting, key=lambda case: case.opened_at)


@pytest.fixture
def ask(owner: Owner, kin: Kin) -> Ask:
    """Brings applications of the owner's before people."""
    return Ask(owner, kin)


@pytest.fixture
async def li(hire: Hire) -> Worker:
    """A reviewer, signed in."""
    return await hire("li")


@pytest.fixture
async def wang(hire: Hire) -> Worker:
    """Another one."""
    return await hire("wang")


@pytest.fixture
async def clerk(hire: Hire) -> Worker:
    """Somebody at a counter, who decides nothing."""
    return await hire("clerk", role=OperatorRole.CLERK)


async def claimed(worker: Worker, asked: Asked) -> Asked:
    """Let a reviewer claim a case."""
    ok(await worker.call("POST", f"{asked.review}/claims"))
    return asked


async def decided(worker: Worker, asked: Asked, decision: str, reason: str) -> dict[str, Any]:
    """Let a reviewer claim a case and decide it."""
    await claimed(worker, asked)
    body = {"decision": decision, "reason": reason}
    return ok(await worker.call("POST", f"{asked.review}/decisions", body))
