"""The words of GB/T 4761 are complete, and every one has its place."""

import pytest

from app.models.links import Place
from app.services.people.identifiers import Sex
from app.services.people.relationships import (
    RELATIONSHIPS,
    Relationship,
    RelationshipFault,
    RelationshipNotValid,
    Tie,
    find_relationship,
    is_near_relative,
)

CODES = [str(code) for code in (*range(10, 13), *range(20, 98), 99)]
NEAR = {"10", "11", "12", "20", "27", "30", "37", "40", "44", "49", "51", "57", "60", "64", "69", "70", "73", "79"}
NOT_NEAR = {"28", "38", "45", "46", "47", "48", "53", "56", "65", "66", "68", "72", "78", "80", "81", "91", "97", "99"}


def every() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("relationship", RELATIONSHIPS.values(), ids=lambda relationship: relationship.code)


def test_the_table_is_the_standard_s() -> None:
    assert list(RELATIONSHIPS) == CODES


@every()
def test_every_code_has_a_word_of_its_own_in_each_language(relationship: Relationship) -> None:
    others = [other for other in RELATIONSHIPS.values() if other is not relationship]

    for words in ("zh", "en", "es"):
        assert getattr(relationship, words) not in {"", *(getattr(other, words) for other in others)}


@every()
def test_every_code_has_the_bucket_of_its_first_digit(relationship: Relationship) -> None:
    buckets = {"1": Place.SPOUSE, "5": Place.ELDER, "6": Place.ELDER} | dict.fromkeys("234", Place.CHILD)

    assert relationship.place is buckets.get(relationship.code[0], Place.OTHER)


@every()
def test_every_child_is_below_and_every_elder_above_the_owner(relationship: Relationship) -> None:
    generation = relationship.generation or 0

    assert (relationship.place is Place.ELDER) <= (generation > 0)
    assert (relationship.place is Place.CHILD) <= (generation < 0)
    assert (relationship.place is Place.SPOUSE) == (relationship.tie is Tie.SPOUSE)


@every()
def test_every_sex_is_a_told_one_or_open(relationship: Relationship) -> None:
    assert {relationship.sex, relationship.owner_sex} <= {Sex.MALE, Sex.FEMALE, None}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("01", RelationshipFault.SELF),
        ("02", RelationshipFault.SELF),
        ("00", RelationshipFault.UNKNOWN),
        ("98", RelationshipFault.UNKNOWN),
        ("13", RelationshipFault.UNKNOWN),
        ("1", RelationshipFault.UNKNOWN),
        ("", RelationshipFault.UNKNOWN),
        ("\uff12\uff10", RelationshipFault.UNKNOWN),
    ],
)
def test_what_is_no_relationship_is_refused_by_reason(code: str, reason: RelationshipFault) -> None:
    with pytest.raises(RelationshipNotValid) as refused:
        find_relationship(code)

    assert refused.value.reason is reason


@pytest.mark.parametrize("code", sorted(NEAR | NOT_NEAR))
def test_near_relatives_are_those_of_the_civil_code(code: str) -> None:
    assert is_near_relative(code) == (code in NEAR)
