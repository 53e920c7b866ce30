"""A relationship fits two people, or says which of sex and age does not."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.links import Place
from app.services.people.ages import birthday
from app.services.people.identifiers import Sex
from app.services.people.plausibility import AgeRules, Implausibility, Vitals, implausibility
from app.services.people.relationships import RELATIONSHIPS, RelationshipNotValid, Tie

DAY = date(2025, 6, 1)
RULES = AgeRules()
DESCENDANTS = [code for code, word in RELATIONSHIPS.items() if word.place is Place.CHILD and word.tie is Tie.BLOOD]


def man(age: int) -> Vitals:
    return Vitals(Sex.MALE, birthday(DAY, -age))


def woman(age: int) -> Vitals:
    return Vitals(Sex.FEMALE, birthday(DAY, -age))


def somebody(age: int) -> Vitals:
    return Vitals(Sex.UNKNOWN, birthday(DAY, -age))


def judged(code: str, owner: Vitals, member: Vitals, rules: AgeRules = RULES) -> Implausibility | None:
    return implausibility(code, owner=owner, member=member, on=DAY, rules=rules)


@pytest.mark.parametrize(
    ("code", "owner", "member"),
    [
        ("20", man(38), man(9)),
        ("30", woman(38), woman(0)),
        ("51", woman(38), man(68)),
        ("50", man(38), somebody(68)),
        ("10", man(22), woman(20)),
        ("11", woman(20), man(60)),
        ("12", man(60), woman(20)),
        ("53", woman(38), man(36)),
        ("55", man(50), man(45)),
        ("28", woman(40), man(45)),
        ("65", man(30), woman(45)),
        ("57", woman(38), man(38)),
        ("27", man(38), man(38)),
        ("61", man(9), man(68)),
        ("66", man(2), man(90)),
        ("71", man(10), man(10)),
        ("73", man(10), man(10)),
        ("75", man(10), woman(14)),
        ("83", man(30), man(25)),
        ("93", man(30), man(35)),
        ("97", man(9), woman(9)),
    ],
)
def test_ordinary_families_are_plausible(code: str, owner: Vitals, member: Vitals) -> None:
    assert judged(code, owner, member) is None


@pytest.mark.parametrize(
    ("code", "owner", "member", "reason"),
    [
        ("20", man(38), woman(9), Implausibility.MEMBER_SEX),
        ("52", man(38), man(68), Implausibility.MEMBER_SEX),
        ("83", man(38), woman(68), Implausibility.MEMBER_SEX),
        ("53", man(38), man(68), Implausibility.OWNER_SEX),
        ("56", woman(38), woman(68), Implausibility.OWNER_SEX),
        ("11", man(30), man(30), Implausibility.OWNER_SEX),
        ("10", man(30), man(30), Implausibility.SPOUSES_SEX),
        ("10", woman(30), man(21), Implausibility.MARRIAGE_AGE),
        ("10", man(30), woman(19), Implausibility.MARRIAGE_AGE),
        ("12", man(21), woman(30), Implausibility.MARRIAGE_AGE),
        ("10", man(30), somebody(19), Implausibility.MARRIAGE_AGE),
        ("38", man(50), woman(19), Implausibility.MARRIAGE_AGE),
        ("72", man(9), woman(19), Implausibility.MARRIAGE_AGE),
        ("71", man(10), man(9), Implausibility.BIRTH_ORDER),
        ("77", man(10), woman(11), Implausibility.BIRTH_ORDER),
        ("20", man(30), man(25), Implausibility.AGE_GAP),
        ("51", man(25), man(30), Implausibility.AGE_GAP),
        ("52", man(68), woman(38), Implausibility.AGE_GAP),
        ("57", man(39), man(38), Implausibility.AGE_GAP),
        ("61", man(20), man(47), Implausibility.AGE_GAP),
        ("66", man(20), man(61), Implausibility.AGE_GAP),
        ("28", man(30), man(47), Implausibility.AGE_GAP),
        ("65", man(50), woman(45), Implausibility.AGE_GAP),
    ],
)
def test_what_does_not_fit_is_named(code: str, owner: Vitals, member: Vitals, reason: Implausibility) -> None:
    assert judged(code, owner, member) is reason


def test_the_ages_are_the_policy_s() -> None:
    lenient = AgeRules(by_blood=12, husband=20, wife=18)

    assert judged("20", man(22), man(10)) is Implausibility.AGE_GAP
    assert judged("20", man(22), man(10), lenient) is None
    assert judged("10", man(20), woman(18), lenient) is None


def test_marriage_is_judged_on_the_day() -> None:
    wife = Vitals(Sex.FEMALE, date(2005, 6, 2))

    assert judged("12", man(30), wife) is Implausibility.MARRIAGE_AGE
    assert implausibility("12", owner=man(30), member=wife, on=date(2025, 6, 2), rules=RULES) is None


def test_a_code_out_of_the_table_is_refused() -> None:
    with pytest.raises(RelationshipNotValid):
        judged("98", man(30), man(30))


@pytest.mark.parametrize("code", [code for code, relationship in RELATIONSHIPS.items() if relationship.sex])
def test_no_word_fits_the_other_sex(code: str) -> None:
    other = Sex.FEMALE if RELATIONSHIPS[code].sex is Sex.MALE else Sex.MALE

    assert judged(code, somebody(40), Vitals(other, DAY)) is Implausibility.MEMBER_SEX


@given(
    st.sampled_from(sorted(RELATIONSHIPS)),
    st.sampled_from([Sex.UNKNOWN, Sex.NOT_STATED]),
    st.dates(date(1900, 1, 1), DAY),
    st.dates(date(1900, 1, 1), DAY),
)
def test_an_unknown_sex_fits_every_word(code: str, sex: Sex, owner: date, member: date) -> None:
    reason = judged(code, Vitals(sex, owner), Vitals(sex, member))

    assert reason not in {Implausibility.MEMBER_SEX, Implausibility.OWNER_SEX, Implausibility.SPOUSES_SEX}


@given(st.sampled_from(DESCENDANTS), st.dates(date(1900, 1, 1), date(1950, 12, 31)))
def test_a_descendant_is_fourteen_years_younger_for_each_generation(code: str, elder: date) -> None:
    young_enough = birthday(elder, 14 * abs(RELATIONSHIPS[code].generation or 0))
    owner = Vitals(Sex.UNKNOWN, elder)

    assert judged(code, owner, Vitals(Sex.UNKNOWN, young_enough)) is None
    assert judged(code, owner, Vitals(Sex.UNKNOWN, young_enough - timedelta(days=1))) is Implausibility.AGE_GAP
