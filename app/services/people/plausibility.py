"""Whether two people can well be what a relationship says, by their sexes and ages."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.services.people.ages import age_on
from app.services.people.identifiers import Sex
from app.services.people.relationships import Relationship, Tie, find_relationship

_ELDER_SIBLINGS = frozenset({"71", "75"})
_YOUNGER_SIBLINGS = frozenset({"73", "77"})


class Implausibility(StrEnum):
    """Why two people cannot well be what a relationship says; the first that holds, in this order."""

    MEMBER_SEX = "member_sex"
    OWNER_SEX = "owner_sex"
    SPOUSES_SEX = "spouses_sex"
    MARRIAGE_AGE = "marriage_age"
    BIRTH_ORDER = "birth_order"
    AGE_GAP = "age_gap"


class RuleCode(StrEnum):
    """What two people must have for a relationship to fit them."""

    MEMBER_MALE = "member_male"
    MEMBER_FEMALE = "member_female"
    OWNER_MALE = "owner_male"
    OWNER_FEMALE = "owner_female"
    SEXES_DIFFER = "sexes_differ"
    BOTH_OF_MARRIAGE_AGE = "both_of_marriage_age"
    MEMBER_OF_MARRIAGE_AGE = "member_of_marriage_age"
    MEMBER_OLDER = "member_older"
    MEMBER_YOUNGER = "member_younger"
    MEMBER_OLDER_BY_YEARS = "member_older_by_years"
    MEMBER_YOUNGER_BY_YEARS = "member_younger_by_years"


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a relationship is judged by: a person's sex and birth date."""

    sex: Sex
    birth_date: date


@dataclass(frozen=True, slots=True)
class AgeRules:
    """The ages that relationships ask for, in whole years; policy data, these are the defaults.

    Gaps are the least by which the elder generation is older. `by_blood`: younger parents are all but unknown.
    `by_adoption`: adoptive parents are 30 or more (Civil Code art. 1098), step-parents need only not be younger.
    `by_marriage`: spouses may be thirty years apart, so a father-in-law may be younger. Grandparents and beyond add
    `each_further_generation`. Marriage: Civil Code art. 1047; autonomous regions may set less.
    """

    by_blood: int = 14
    by_adoption: int = 0
    by_marriage: int = -16
    each_further_generation: int = 14
    husband: int = 22
    wife: int = 20

    def least_gap(self, tie: Tie, generations: int) -> int | None:
        """Return the years between relatives so many generations apart, or None where there is no rule."""
        first = {Tie.BLOOD: self.by_blood, Tie.ADOPTION: self.by_adoption, Tie.MARRIAGE: self.by_marriage}
        return first[tie] + self.each_further_generation * (generations - 1) if tie in first else None

    def may_be_married(self, person: Vitals, on: date) -> bool:
        """Say whether a person is of marriageable age; of unknown sex, by the lower one."""
        ages = {Sex.MALE: self.husband, Sex.FEMALE: self.wife}
        return age_on(person.birth_date, on) >= ages.get(person.sex, min(self.husband, self.wife))


def implausibility(code: str, *, owner: Vitals, member: Vitals, on: date, rules: AgeRules) -> Implausibility | None:
    """Return why the member cannot well be what the code says to the owner on a date, or nothing.

    A sex that is unknown or not stated fits every word.

    Raises:
        RelationshipNotValid: it is oneself, or not in the table.
    """
    relationship = find_relationship(code)
    if misfit := _sex_misfit(relationship, owner.sex, member.sex):
        return misfit
    married = {Tie.SPOUSE: (owner, member), Tie.MARRIAGE: (member,)}.get(relationship.tie, ())
    if not all(rules.may_be_married(person, on) for person in married):
        return Implausibility.MARRIAGE_AGE
    if _is_out_of_order(code, owner.birth_date, member.birth_date):
        return Implausibility.BIRTH_ORDER
    if _is_too_close(relationship, owner.birth_date, member.birth_date, rules):
        return Implausibility.AGE_GAP
    return None


def least_years(relationship: Relationship, rules: AgeRules) -> int | None:
    """Return by how many years the elder generation is older at least, or None where it need not be older."""
    generation = relationship.generation
    years = rules.least_gap(relationship.tie, abs(generation)) if generation else None
    return years if years is not None and years > 0 else None


def rule_codes(relationship: Relationship, rules: AgeRules) -> tuple[RuleCode, ...]:
    """Return what must fit: what `implausibility` looks at, but for in-laws who may even be younger."""
    return tuple(
        filter(
            None,
            (
                {Sex.MALE: RuleCode.MEMBER_MALE, Sex.FEMALE: RuleCode.MEMBER_FEMALE}.get(
                    relationship.sex or Sex.UNKNOWN
                ),
                {Sex.MALE: RuleCode.OWNER_MALE, Sex.FEMALE: RuleCode.OWNER_FEMALE}.get(
                    relationship.owner_sex or Sex.UNKNOWN
                ),
                RuleCode.SEXES_DIFFER if relationship.tie is Tie.SPOUSE else None,
                _MARRIED.get(relationship.tie),
                _order(relationship, rules),
            ),
        )
    )


def _order(relationship: Relationship, rules: AgeRules) -> RuleCode | None:
    """Return who is the elder, where the word says it."""
    if relationship.code in _ELDER_SIBLINGS:
        return RuleCode.MEMBER_OLDER
    if relationship.code in _YOUNGER_SIBLINGS:
        return RuleCode.MEMBER_YOUNGER
    if least_years(relationship, rules) is None:
        return None
    is_above = (relationship.generation or 0) > 0
    return RuleCode.MEMBER_OLDER_BY_YEARS if is_above else RuleCode.MEMBER_YOUNGER_BY_YEARS


_MARRIED = {Tie.SPOUSE: RuleCode.BOTH_OF_MARRIAGE_AGE, Tie.MARRIAGE: RuleCode.MEMBER_OF_MARRIAGE_AGE}


def _sex_misfit(relationship: Relationship, owner: Sex, member: Sex) -> Implausibility | None:
    told = {Sex.MALE, Sex.FEMALE}
    if relationship.sex and member in told - {relationship.sex}:
        return Implausibility.MEMBER_SEX
    if relationship.owner_sex and owner in told - {relationship.owner_sex}:
        return Implausibility.OWNER_SEX
    if relationship.tie is Tie.SPOUSE and owner in told and owner == member:
        return Implausibility.SPOUSES_SEX
    return None


def _is_out_of_order(code: str, owner: date, member: date) -> bool:
    """Twins are in order either way."""
    return (code in _ELDER_SIBLINGS and member > owner) or (code in _YOUNGER_SIBLINGS and member < owner)


def _is_too_close(relationship: Relationship, owner: date, member: date, rules: AgeRules) -> bool:
    generation = relationship.generation
    if not generation:
        return False
    gap = rules.least_gap(relationship.tie, abs(generation))
    elder, younger = (member, owner) if generation > 0 else (owner, member)
    return gap is not None and age_on(elder, younger) < gap
