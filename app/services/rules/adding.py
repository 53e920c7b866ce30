"""Rules of the add flow: time, documents, look-ups, and how people decide."""

from app.services.rules.base import Rule


class Enrolments(Rule):
    """Hours an enrolment stays open, hours a passed face waits for a member's slot, and how many are begun a day."""

    open_hours: int
    slot_wait_hours: int
    begun_a_day: int


class DocumentChoice(Rule):
    """Documents of which one is needed, for members under an age (None: any)."""

    under: int | None = None
    any_of: tuple[str, ...]


class Documents(Rule):
    """Which documents an enrolment of a family member asks for."""

    identity: tuple[DocumentChoice, ...]
    guardianship: tuple[str, ...]


class ImageQuality(Rule):
    """What a picture must have to be worth a person's look: sharpness at least, and for papers glare at most.

    Measured: sharp photos have 130 and more; blurred over two thousandths of their side 7 to 14, over four 2 to 3.
    """

    sharpness: float
    glare: float


class Lookups(Rule):
    """Asking whether a person exists: the least time an answer takes, and wrong questions a day."""

    floor_milliseconds: int
    per_owner_a_day: int
    per_number_a_day: int


class Reviews(Rule):
    """How people decide: days they have for a case, minutes they hold it, hours its owner has to show more.

    `two_for` are the reasons and risks that take two people. Who has had `new_members` added within `new_members_days`
    and adds one more is looked at twice; a photo is known again for `photo_days`.
    """

    due_days: int
    claim_minutes: int
    more_hours: int
    two_for: frozenset[str]
    new_members: int
    new_members_days: int
    photo_days: int
