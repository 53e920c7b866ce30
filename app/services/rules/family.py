"""Rules of families: places, ages, what changes with them, and how links end."""

from pydantic import Field

from app.services.rules.base import Rule


class Quota(Rule):
    """Places an owner has: in total and by kind (bbbaike: 10 = 4 elders, 3 children, 1 spouse, 2 others)."""

    profile: str
    total: int
    elder: int
    child: int
    spouse: int
    other: int


class Owners(Rule):
    """Owners a member may have; no official text gives a number."""

    per_member: int = Field(ge=1, le=64)


class Ages(Rule):
    """14: consent passes to the person; 16: live face; under 7 a portrait may not exist; 18: of age."""

    own_consent: int
    live_face: int
    portrait_expected: int
    adult: int


class AgeRules(Rule):
    """Years that must lie between two relatives, and ages of marriage (Civil Code art. 1047)."""

    by_blood: int
    by_adoption: int
    by_marriage: int
    each_further_generation: int
    husband: int
    wife: int


class FamilyLife(Rule):
    """Days until a dispute that nobody has decided ends its link, and until its owner may name the member again.

    A 16th birthday is announced so many days before; who has turned 18 has so many days to answer for a link.
    """

    dispute_days: int = Field(gt=0)
    disputed_days: int = Field(ge=0)
    announced_days: tuple[int, ...]
    answer_days: int = Field(ge=0)


class LinkEndings(Rule):
    """Ending links by a code to the register's phone: minutes it is good for and then to choose, tries, codes a day."""

    minutes: int = Field(gt=0)
    choosing_minutes: int = Field(gt=0)
    tries: int = Field(gt=0)
    per_number_a_day: int = Field(ge=0)
    per_address_a_day: int = Field(ge=0)


class Handovers(Rule):
    """Minutes that a link and then the step itself may take, tries of the spoken code, links a day, days of a dispute.

    No official text knows them; the first three are as for a code sent by SMS, made longer for slow hands.
    """

    link_minutes: int = Field(gt=0)
    step_minutes: int = Field(gt=0)
    tries: int = Field(gt=0)
    a_day: int = Field(ge=0)
    disputed_days: int = Field(ge=0)
