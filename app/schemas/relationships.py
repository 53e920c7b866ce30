"""Wire shapes of the list of relationships."""

from datetime import date
from typing import Literal, Self

from pydantic import Field

from app import texts
from app.models.links import Place
from app.schemas.base import Told
from app.schemas.family import TERMS
from app.services.people.identifiers import Sex
from app.services.people.plausibility import AgeRules, RuleCode, least_years, rule_codes
from app.services.people.relationships import RELATIONSHIPS, Relationship

_SEXES: dict[Sex | None, Literal["male", "female"]] = {Sex.MALE: "male", Sex.FEMALE: "female"}


class RuleRead(Told):
    """Something that must fit, in words."""

    code: RuleCode
    text: str


class RelationshipRead(Told):
    """What a member may be to an owner."""

    code: str = Field(description="GB/T 4761-2008: what the member is to me")
    name: str = Field(description="The same in words")
    place: Place = Field(description="Which of the places in a family it takes")
    sex: Literal["male", "female"] | None = Field(description="The member's, where the word says it")
    owner_sex: Literal["male", "female"] | None = Field(description="Mine, where the word says it")
    least_years_apart: int | None = Field(description="Years by which the elder generation is older at least")
    rules: list[RuleRead] = Field(description="What must fit, in words")

    @classmethod
    def of(cls, relationship: Relationship, rules: AgeRules, language: str) -> Self:
        return cls(
            code=relationship.code,
            name=TERMS[language][relationship.code],
            place=relationship.place,
            sex=_SEXES.get(relationship.sex),
            owner_sex=_SEXES.get(relationship.owner_sex),
            least_years_apart=least_years(relationship, rules),
            rules=[
                RuleRead(code=code, text=texts.relationship_rule(code.value, language))
                for code in rule_codes(relationship, rules)
            ],
        )


class RelationshipsRead(Told):
    """All relationships there are; `since` is the first day of the rules about ages."""

    since: date | None
    items: list[RelationshipRead]

    @classmethod
    def of(cls, rules: AgeRules, since: date | None, language: str) -> Self:
        return cls(since=since, items=[RelationshipRead.of(each, rules, language) for each in RELATIONSHIPS.values()])
