"""What tests of the window share: a branch's window, and people who come to it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.ports.register import TestPerson
from tests.factories.adding import Owner, ok
from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.counters import Counter
from tests.factories.counters import hospital as hospital
from tests.factories.counters import open_counter as open_counter
from tests.factories.counters import window as counter_window
from tests.factories.phone import JSON
from tests.factories.staff import hire as hire
from tests.factories.terminals import install as install

ENROLMENTS = "/v1/counter/enrolments"
ALL = ["view", "show_code", "certify", "file"]

__all__ = ["counter_window"]


@dataclass
class Window:
    """A branch's window: a clerk, their terminal, and what they do there."""

    counter: Counter

    async def post(self, path: str, body: object, **signing: Any) -> httpx.Response:
        """Send what the clerk does, signed by the terminal, session and all."""
        return await self.counter.post(path, body, **signing)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Read something, as the clerk alone."""
        return await self.counter.clerk.call("GET", path, **headers)

    async def of_card(self, card_read: str) -> httpx.Response:
        """List what is open of an owner whose card was read, signed by the terminal."""
        return await self.post(ENROLMENTS, b"", method="GET", Card_Read=card_read)

    async def card(self, person: TestPerson, purpose: str = "enrolment") -> str:
        """Read somebody's card; return the token."""
        registered = await self.counter.clerk.house.ports.register.find(person.number)
        assert registered is not None
        assert registered.card is not None
        token: str = ok(await self.counter.read(registered.card.number, purpose))["card_read"]
        return token

    async def notice(self, code: str) -> JSON:
        """Show a notice; return what is said of it."""
        return await self.counter.notice(code)

    async def shown(self, *documents: str, services: list[str] | None = None, minor: bool = False) -> JSON:
        """Return what an attestation says: what was shown, and agreed to."""
        check = await self.notice("counter-check") | ({} if services is None else {"services": services})
        consents = [check, *([await self.notice("minor-data")] if minor else [])]
        return {"documents_seen": list(documents), "consents": consents}

    async def attest(self, enrolment: str, body: JSON, **signing: Any) -> httpx.Response:
        """Attest who an enrolment's member is, as it stands now; the enrolment by its address in the app."""
        number = enrolment.rpartition("/")[2]
        rows = await self.counter.clerk.house.db.fetch("SELECT version FROM enrolment WHERE id = $1", UUID(number))
        version = {"If_Match": f'"{rows[0]["version"] if rows else 1}"'}
        return await self.post(f"{ENROLMENTS}/{number}/attestations", body, **version | signing)


@pytest.fixture
def window(counter_window: Counter) -> Window:
    """A window of a district branch."""
    return Window(counter_window)


async def father_at_face(owner: Owner, kin: Any, **facts: Any) -> tuple[TestPerson, str]:
    """Somebody adds their father, of 68, as far as the face step."""
    father = await kin(age=68, **facts)
    return father, await owner.to_face(father, "51", age=68)
