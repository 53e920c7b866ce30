"""The embedded register and the people of the demo."""

import asyncio
import re
from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from app.adapters.keys.file import FileKeys
from app.adapters.register import demo
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Database, Session
from app.core.sealing import Chain, Lookup
from app.core.suites import Suite, SuiteKey
from app.models.stand_ins import RegisterPerson
from app.ports.keys import Purpose
from app.ports.register import (
    PersonChange,
    PhysicalCard,
    PhysicalCardStatus,
    RegisteredPerson,
    RegisterUnavailable,
)
from app.services.people.ages import age_on, birthday
from app.services.people.identifiers import NumberKind, Population, Sex, SocialSecurityNumber, parse_number
from app.services.people.names import parse_name
from app.services.people.phones import parse_phone
from app.services.people.plausibility import AgeRules, Vitals, implausibility
from tests import cluster

DAY = date(2026, 11, 22)
NORMAL = PhysicalCardStatus.NORMAL
OWNER = "100101198703140037"
LABELS_OF_THE_CONTRACT = {
    "owner", "child-9", "child-turning-16", "newborn", "parent-68", "spouse", "deceased", "card-lost", "card-locked",
    "card-not-activated", "card-cancelled", "no-card", "foreign-resident", "hongkong-permit", "middle-dot",
    "rare-character", "owner-at-quota", "member-at-cap",
}  # fmt: skip

days = st.dates(date(2020, 1, 1), date(2059, 12, 31))


def entry(number: str, name: str = "王芳", label: str | None = None, portrait: bytes | None = None) -> Entry:
    person = RegisteredPerson(
        number=number,
        name=name,
        sex="2",
        birth_date=date(1990, 1, 1),
        region="100101",
        is_alive=True,
        phone="10000009999",
        card=PhysicalCard("D99999999", PhysicalCardStatus.LOST),
        parents=frozenset({OWNER}),
        guardians=frozenset({"100101199001010020"}),
        computer_number="600009999",
    )
    return Entry(person, portrait, label, "A note")


def parsed(number: str) -> SocialSecurityNumber:
    return parse_number(number, population=Population.WITH_TEST_PEOPLE)


def by_label(day: date) -> dict[str, Entry]:
    return {entry.label: entry for entry in demo.people(day) if entry.label is not None}


class TestRegister:
    @pytest.fixture
    def register(self, db: Database) -> EmbeddedRegister:
        return EmbeddedRegister(db)

    async def test_a_person_is_found_as_they_were_put(self, register: EmbeddedRegister) -> None:
        put = entry("100101199001010046", portrait=b"a face")

        await register.put([put])

        assert await register.find("100101199001010046") == put.person
        assert await register.portrait("100101199001010046") == b"a face"

    async def test_a_person_is_found_by_the_card_they_have_now(self, register: EmbeddedRegister) -> None:
        first = replace(entry("100101199001010046", label="it").person, card=PhysicalCard("T1", NORMAL))
        await register.put([Entry(first, label="it"), Entry(replace(first, number="100101199001010062", card=None))])

        assert await register.find_by_card("T1") == first
        assert await register.find_by_card("T2") is None
        assert await register.find_by_card("") is None
        assert await register.change("it", PersonChange(new_card=True))
        now = await register.find("100101199001010046")
        assert now is not None
        assert now.card is not None
        assert await register.find_by_card("T1") is None
        assert await register.find_by_card(now.card.number) == now

    async def test_people_from_before_cards_were_looked_up_are_found_by_theirs(
        self, register: EmbeddedRegister, db: Database
    ) -> None:
        put = entry("100101199001010046")
        await register.put([put])
        await db.run(lambda session: session.execute(update(RegisterPerson).values(card_hmac=None)))

        assert await register.find_by_card("D99999999") == put.person

    async def test_two_people_with_one_card_are_no_answer(self, register: EmbeddedRegister) -> None:
        await register.put([entry("100101199001010046"), entry("100101199001010062")])

        with pytest.raises(RegisterUnavailable):
            await register.find_by_card("D99999999")

    async def test_a_person_may_have_no_phone_card_relatives_and_portrait(self, register: EmbeddedRegister) -> None:
        person = replace(
            entry("100101199001010046").person, phone=None, card=None, parents=frozenset(), guardians=frozenset()
        )

        await register.put([Entry(person)])

        assert await register.find(person.number) == person
        assert await register.portrait(person.number) is None

    async def test_who_is_not_there_is_nobody(self, register: EmbeddedRegister) -> None:
        assert await register.find("100101199001010046") is None
        assert await register.portrait("100101199001010046") is None

    async def test_putting_somebody_again_replaces_them(self, register: EmbeddedRegister) -> None:
        await register.put([entry("100101199001010046", "王芳", portrait=b"a face")])
        await register.put([entry("100101199001010046", "王小芳")])

        found = await register.find("100101199001010046")

        assert found is not None
        assert found.name == "王小芳"
        assert await register.portrait("100101199001010046") is None
        assert await register.count() == 1

    async def test_the_last_of_one_number_counts(self, register: EmbeddedRegister) -> None:
        await register.put([entry("100101199001010046", "王芳"), entry("100101199001010046", "王小芳")])

        found = await register.find("100101199001010046")

        assert found is not None
        assert found.name == "王小芳"

    async def test_putting_nobody_is_harmless(self, register: EmbeddedRegister) -> None:
        await register.put([])

        assert await register.count() == 0

    async def test_a_label_moves_to_its_new_person_and_the_old_one_stays(self, register: EmbeddedRegister) -> None:
        await register.put([entry("100101199001010046", "王芳", label="child-9")])
        await register.put([entry("100101199101010028", "王兰", label="child-9")])

        people = await register.test_people()

        assert [(person.label, person.name) for person in people] == [("child-9", "王兰")]
        assert await register.find("100101199001010046") is not None

    async def test_two_may_swap_their_labels(self, register: EmbeddedRegister) -> None:
        one, other = "100101199001010046", "100101199101010028"
        await register.put([entry(one, label="a"), entry(other, label="b")])
        await register.put([entry(one, label="b"), entry(other, label="a")])

        assert {person.label: person.number for person in await register.test_people()} == {"a": other, "b": one}

    async def test_many_who_put_the_same_people_at_once_agree(self, register: EmbeddedRegister) -> None:
        people = demo.people(DAY)

        await asyncio.gather(*(register.put(people) for _ in range(8)))

        assert await register.count() == len(people)

    async def test_people_without_a_label_are_no_test_people(self, register: EmbeddedRegister) -> None:
        await register.put([entry("100101199001010046")])

        assert await register.test_people() == []

    async def test_nothing_personal_can_be_read_in_the_table(
        self, register: EmbeddedRegister, database: cluster.Database
    ) -> None:
        await register.put([entry("100101199001010046", "王芳", portrait=b"a face")])

        connection = await asyncpg.connect(database.owner_url)
        row = await connection.fetchrow("SELECT * FROM register_person")
        await connection.close()

        stored = b"".join(value for value in row.values() if isinstance(value, bytes))
        for value in ("100101199001010046", "王芳", "10000009999", "D99999999", "a face"):
            assert value.encode() not in stored

    async def test_a_record_of_another_row_is_no_answer(self, register: EmbeddedRegister, db: Database) -> None:
        await register.put([entry("100101199001010046", portrait=b"a face")])

        async def forge(session: Session) -> None:
            await session.execute(update(RegisterPerson).values(record=b"\x01" * 60, portrait=b"\x01" * 60))

        await db.run(forge)

        with pytest.raises(RegisterUnavailable):
            await register.find("100101199001010046")
        with pytest.raises(RegisterUnavailable):
            await register.portrait("100101199001010046")

    async def test_people_put_under_an_older_pepper_are_found_and_replaced(
        self, register: EmbeddedRegister, database: cluster.Database, db: Database, keys: FileKeys
    ) -> None:
        await register.put([entry("100101199001010046", "王芳")])
        newer = SuiteKey(Suite.INTERNATIONAL, b"a newer pepper")
        later = Database(
            database.app_url,
            clock=db.clock,
            vault=db.vault,
            lookup=Lookup(keys.secret(Purpose.ROUTING), {**keys.peppers(), 2: newer}),
            chain=Chain(keys.secret(Purpose.AUDIT), Suite.INTERNATIONAL),
        )
        rotated = EmbeddedRegister(later)

        assert await rotated.find("100101199001010046") is not None
        await rotated.put([entry("100101199001010046", "王小芳")])

        assert await rotated.count() == 1
        await later.close()

    async def test_the_demo_can_be_put_again_another_day(self, register: EmbeddedRegister) -> None:
        await register.put(demo.people(DAY))
        await register.put(demo.people(DAY + timedelta(days=1)))

        people = await register.test_people()

        assert [person.label for person in people] == [entry.label for entry in demo.people(DAY)]
        assert await register.count() == len(people) + 1  # the child that has turned 16 lives on without the label


class TestDemoPeople:
    def test_the_labels_of_the_contract_are_there(self) -> None:
        assert by_label(DAY).keys() >= LABELS_OF_THE_CONTRACT

    def test_people_are_the_same_the_whole_day(self) -> None:
        assert demo.people(DAY) == demo.people(DAY)

    @pytest.mark.parametrize(
        ("fact", "label"),
        [
            (PhysicalCardStatus.LOST, "card-lost"),
            (PhysicalCardStatus.LOST_TEMPORARILY, "card-lost-temporarily"),
            (PhysicalCardStatus.APPLICATION_LOCKED, "card-locked"),
            (PhysicalCardStatus.NOT_ACTIVATED, "card-not-activated"),
            (PhysicalCardStatus.CANCELLED, "card-cancelled"),
            (PhysicalCardStatus.NORMAL, "owner"),
        ],
    )
    def test_every_card_status_has_somebody(self, fact: PhysicalCardStatus, label: str) -> None:
        card = by_label(DAY)[label].person.card

        assert card is not None
        assert card.status is fact

    def test_those_without_a_card_a_portrait_or_life_are_marked(self) -> None:
        people = by_label(DAY)

        assert {label for label, entry in people.items() if entry.person.card is None} == {"newborn", "no-card"}
        assert {label for label, entry in people.items() if entry.portrait is None} == {
            "newborn",
            "child-6",
            "foreign-resident",
        }
        assert {label for label, entry in people.items() if not entry.person.is_alive} == {"deceased"}

    def test_every_kind_of_number_has_somebody(self) -> None:
        kinds = {label: parsed(entry.person.number).kind for label, entry in by_label(DAY).items()}

        assert kinds["hongkong-permit"] is kinds["macao-permit"] is kinds["taiwan-permit"] is NumberKind.HMT_PERMIT
        assert kinds["foreign-resident"] is NumberKind.FOREIGN_PERMIT_2023
        assert kinds["foreign-resident-2017"] is NumberKind.FOREIGN_PERMIT_2017
        assert kinds["owner"] is NumberKind.CITIZEN_ID

    def test_the_owner_is_parent_of_the_children_but_not_of_all(self) -> None:
        people = by_label(DAY)
        owner = people["owner"].person.number

        children = {label for label, entry in people.items() if owner in entry.person.parents}

        assert children == {"newborn", "child-2", "child-6", "child-9", "child-15", "child-turning-16", "teen-17"}
        assert people["ward-11"].person.guardians == {owner}
        assert people["parent-68"].person.number in people["owner"].person.parents

    def test_the_links_of_the_demo_fill_the_quota_and_the_cap(self) -> None:
        kinds = [code[0] for owner, _, code in demo.DEMO_LINKS if owner == "owner-at-quota"]

        assert sum(kind in "56" for kind in kinds) == 4
        assert sum(kind in "234" for kind in kinds) == 3
        assert kinds.count("1") == 1
        assert len(kinds) == 10
        assert sum(member == "member-at-cap" for _, member, _ in demo.DEMO_LINKS) == 2

    def test_the_newborn_and_the_child_that_turns_16(self) -> None:
        for start in (date(2026, 2, 27), date(2027, 12, 30), date(2028, 2, 27)):
            for day in (start + timedelta(days=days) for days in range(5)):
                people = by_label(day)
                assert birthday(people["child-turning-16"].person.birth_date, 16) == day + timedelta(days=1)
                assert day - timedelta(days=62) <= people["newborn"].person.birth_date < day

    @given(day=days)
    @example(day=date(2028, 2, 29))
    @settings(max_examples=60, deadline=None, database=None)
    def test_numbers_names_and_phones_are_what_they_say(self, day: date) -> None:
        people = demo.people(day)

        for entry in people:
            person = entry.person
            number = parsed(person.number)
            assert number.value == person.number
            assert number.sex in (person.sex, Sex.UNKNOWN)
            assert number.birth_date == person.birth_date
            assert number.check_agrees
            assert parse_name(person.name) == person.name
            assert person.phone is None or parse_phone(person.phone, population=Population.WITH_TEST_PEOPLE)
            assert person.card is None or len(person.card.number) == 9

    @given(day=days)
    @settings(max_examples=60, deadline=None, database=None)
    def test_nobody_shares_a_number_a_card_or_a_label(self, day: date) -> None:
        people = demo.people(day)

        assert len({entry.person.number for entry in people}) == len(people)
        assert len({entry.label for entry in people}) == len(people)
        assert len({entry.person.computer_number for entry in people}) == len(people)
        cards = [entry.person.card.number for entry in people if entry.person.card]
        assert len(set(cards)) == len(cards)

    @given(day=days)
    @settings(max_examples=60, deadline=None, database=None)
    def test_an_age_in_a_label_is_true_every_day(self, day: date) -> None:
        for label, entry in by_label(day).items():
            kind, _, age = label.rpartition("-")
            if kind in {"child", "teen", "parent", "ward"} and age.isdecimal():
                assert age_on(entry.person.birth_date, day) == int(age)

    @given(day=days)
    @settings(max_examples=60, deadline=None, database=None)
    def test_relatives_can_be_what_they_are(self, day: date) -> None:
        people = by_label(day)
        vitals = {
            label: Vitals(Sex(entry.person.sex), entry.person.birth_date) for label, entry in people.items() if label
        }
        relatives = [("owner", "spouse", "12"), ("owner", "parent-68", "51"), ("owner", "parent-mother", "52")]
        relatives += [("owner", "grandparent", "61"), ("owner", "sibling", "77"), ("owner", "mother-in-law", "56")]
        relatives += [("owner", child, "20") for child in ("child-2", "child-9", "child-15")]
        relatives += [("owner", child, "30") for child in ("newborn", "child-6", "child-turning-16", "teen-17")]
        relatives += [("second-owner", "child-13", "20"), ("owner", "member-at-cap", "88"), *demo.DEMO_LINKS]

        for owner, member, code in relatives:
            found = implausibility(code, owner=vitals[owner], member=vitals[member], on=day, rules=AgeRules())
            assert found is None, (owner, member, found)

    @given(day=st.dates(date(2026, 1, 1), date(2029, 12, 30)))
    @settings(max_examples=60, deadline=None, database=None)
    def test_a_number_stands_until_its_age_has_passed(self, day: date) -> None:
        today, tomorrow = by_label(day), by_label(day + timedelta(days=1))

        for label in today.keys() - {"child-turning-16", "newborn"}:
            birth = today[label].person.birth_date
            changed = today[label].person.number != tomorrow[label].person.number
            had_a_birthday = age_on(birth, day + timedelta(days=1)) > age_on(birth, day)
            has_an_age = re.fullmatch(r"(?!.*(quota|demo)).*-[0-9]{1,2}", label) is not None
            assert changed == (had_a_birthday and has_an_age), label
