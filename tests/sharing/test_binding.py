"""Binding one relative for an owner: who may be, who has to agree, and how many on either side."""

import asyncio
from collections import Counter
from datetime import date

import pytest

from app.core.db import Database
from app.core.errors import AppError
from app.models.sharing import NEXT, Confirming, FundsOrder, SharingBinding, SharingState, SharingStepNotAllowed
from app.services import audit
from app.services.people.fitting import RelationshipImplausible, SelfNotAllowed
from app.services.sharing import binding, reading
from app.services.sharing.binding import AlreadyShared, Wanted
from app.services.sharing.confirming import RelativeNotShared
from tests import cluster
from tests.factories.adding import set_policy
from tests.factories.make import Holder, Make, Someone
from tests.factories.sharing import shared, wanted

ELDER = date(1957, 3, 8)
CHILD = date(2017, 5, 20)


async def bind(db: Database, asked: Wanted) -> SharingBinding:
    return await db.run(lambda session: binding.bind(session, asked, audit.SYSTEM))


async def refusal(db: Database, asked: Wanted) -> type[AppError]:
    with pytest.raises(AppError) as refused:
        await bind(db, asked)
    return refused.type


class TestWhoAgrees:
    @pytest.mark.parametrize(
        ("relationship", "facts", "has_phone", "agrees"),
        [
            ("51", {"birth_date": ELDER}, True, Confirming.CODE),
            ("51", {"birth_date": ELDER}, False, Confirming.COUNTER),
            ("12", {"sex": "2"}, True, Confirming.MEMBER),
            ("20", {"birth_date": CHILD}, True, Confirming.GUARDIAN),
            ("20", {"birth_date": CHILD}, False, Confirming.COUNTER),
        ],
    )
    async def test_it_waits_for_whoever_the_rules_name(
        self,
        db: Database,
        make: Make,
        me: Holder,
        relationship: str,
        facts: dict[str, object],
        has_phone: bool,  # noqa: FBT001 - the case
        agrees: Confirming,
    ) -> None:
        relative = await make.person(**facts)  # type: ignore[arg-type] # facts of the register

        made = await bind(db, wanted(me, relative, relationship, has_phone=has_phone))

        assert (made.state, made.confirming) == (SharingState.PENDING, agrees)
        assert (await db.run(lambda session: reading.sharers_of(session, relative.id))).sharers == []

    async def test_a_guardian_by_the_register_shares_with_their_child_at_once(
        self, db: Database, make: Make, me: Holder
    ) -> None:
        child = await make.person(birth_date=CHILD, parents=frozenset({me.registered.number}))

        made, again = [await bind(db, wanted(me, child, "20")) for _ in range(2)]
        sharers = await db.run(lambda session: reading.sharers_of(session, child.id))

        assert (made.state, made.confirming, again.id) == (SharingState.ACTIVE, Confirming.NOBODY, made.id)
        assert [sharer.binding_id for sharer in sharers.sharers] == [made.id]
        assert sharers.order is FundsOrder.BINDING_ORDER

    async def test_before_a_counter_nobody_has_to_agree_any_more(self, db: Database, make: Make, me: Holder) -> None:
        father = await make.person(birth_date=ELDER)
        waiting = await bind(db, wanted(me, father, "51"))

        made, again = await shared(db, me, father), await shared(db, me, father)

        assert (made.id, made.state, again.id) == (waiting.id, SharingState.ACTIVE, waiting.id)
        assert await db.fetch("SELECT 1 FROM sharing_request") == []

    async def test_before_a_counter_a_minors_guardian_is_asked_all_the_same(
        self, db: Database, make: Make, me: Holder
    ) -> None:
        mother = await make.person(sex="2", phone="10000009003")
        child = await make.person(birth_date=CHILD, parents=frozenset({mother.registered.number}))

        made, again = await shared(db, me, child, "20"), await shared(db, me, child, "20")

        assert (made.state, made.confirming, again.id) == (SharingState.PENDING, Confirming.GUARDIAN, made.id)
        assert len(await db.fetch("SELECT 1 FROM sharing_request")) == 1
        assert (await db.run(lambda session: reading.sharers_of(session, child.id))).sharers == []


class TestRefusals:
    async def test_cousins_in_laws_and_the_implausible_are_refused(self, db: Database, make: Make, me: Holder) -> None:
        other = await make.person(birth_date=ELDER)

        assert await refusal(db, wanted(me, other, "92")) is RelativeNotShared
        assert await refusal(db, wanted(me, other, "55")) is RelativeNotShared
        assert await refusal(db, wanted(me, other, "20")) is RelationshipImplausible
        assert await refusal(db, wanted(me, me, "51")) is SelfNotAllowed

    async def test_a_region_may_let_in_laws_share(self, db: Database, database: cluster.Database, make: Make) -> None:
        await set_policy(database, "sharing", relatives={"parent_in_law": "code"})
        me = await make.owner(name="王志远")
        other = await make.person(birth_date=ELDER)

        assert (await bind(db, wanted(me, other, "55"))).state is SharingState.PENDING

    async def test_the_same_again_is_the_same_and_another_relationship_is_refused(
        self, db: Database, make: Make, me: Holder
    ) -> None:
        father = await make.person(birth_date=ELDER)

        first, again = [await bind(db, wanted(me, father, "51")) for _ in range(2)]

        assert first.id == again.id
        assert await refusal(db, wanted(me, father, "57")) is AlreadyShared


class TestCaps:
    async def test_owners_who_share_at_once_take_no_more_slots_than_there_are(
        self, db: Database, database: cluster.Database, make: Make
    ) -> None:
        await set_policy(database, "sharing", sharers_per_member=3)
        father = await make.person(birth_date=ELDER)
        owners = [await make.person() for _ in range(8)]

        said = await asyncio.gather(*(shared(db, owner, father) for owner in owners), return_exceptions=True)
        sharers = (await db.run(lambda session: reading.sharers_of(session, father.id))).sharers

        codes = Counter(each.code if isinstance(each, AppError) else "bound" for each in said)
        assert codes == {"bound": 3, "sharers-at-limit": 5}
        assert len({sharer.owner_id for sharer in sharers}) == 3
        assert len(await db.fetch("SELECT 1 FROM sharing_binding")) == 3

    async def test_relatives_bound_at_once_take_no_more_places_than_there_are(
        self, db: Database, database: cluster.Database, make: Make
    ) -> None:
        await set_policy(database, "sharing", members_per_owner=3)
        me = await make.owner(name="王志远")
        parents = [await make.person(birth_date=ELDER) for _ in range(6)]
        twice: list[Someone] = [*parents, *parents]

        said = await asyncio.gather(
            *(bind(db, wanted(me, each, "51")) for each in twice),
            return_exceptions=True,
        )

        bound = {each.id for each in said if isinstance(each, SharingBinding)}
        assert len(bound) == 3
        assert {each.code for each in said if isinstance(each, AppError)} == {"sharing-members-at-limit"}
        places = await db.fetch("SELECT place_no FROM sharing_binding ORDER BY 1")
        assert [row["place_no"] for row in places] == [1, 2, 3]


@pytest.mark.parametrize("before", SharingState)
@pytest.mark.parametrize("after", SharingState)
def test_a_binding_moves_only_where_the_table_leads(before: SharingState, after: SharingState) -> None:
    moved = SharingBinding(state=before)

    if after in NEXT[before]:
        moved.advance(after)
        assert moved.state is after
    else:
        with pytest.raises(SharingStepNotAllowed):
            moved.advance(after)
