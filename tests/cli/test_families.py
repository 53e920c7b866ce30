"""The families of the demo."""

from app.adapters.register.demo import DEMO_LINKS
from app.cli.families import link_families
from app.ports.register import TestPerson
from app.routers.deps import House


async def test_the_demos_families_are_linked_once_however_often(people: dict[str, TestPerson], house: House) -> None:
    everybody = list(people.values())

    first = await link_families(house.db, house.ports.register, everybody, DEMO_LINKS, "app")
    second = await link_families(house.db, house.ports.register, everybody, DEMO_LINKS, "app")

    assert (first, second) == (len(DEMO_LINKS), 0)
