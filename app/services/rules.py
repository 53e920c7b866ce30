"""The shapes of the rules that `policies` reads, and what they mean."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Rule(BaseModel):
    """`since` is the first day of the row that a rule comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date | None = Field(default=None, exclude=True)


class Quota(_Rule):
    """Places an owner has: in total and by kind (bbbaike: 10 = 4 elders, 3 children, 1 spouse, 2 others)."""

    profile: str
    total: int
    elder: int
    child: int
    spouse: int
    other: int


class Owners(_Rule):
    """Owners a member may have; no official text gives a number."""

    per_member: int = Field(ge=1, le=64)


class Enrolments(_Rule):
    """Hours an enrolment stays open, hours a passed face waits for a member's slot, and how many are begun a day."""

    open_hours: int
    slot_wait_hours: int
    begun_a_day: int


class Ages(_Rule):
    """14: consent passes to the person; 16: live face; under 7 a portrait may not exist; 18: of age."""

    own_consent: int
    live_face: int
    portrait_expected: int
    adult: int


class DocumentChoice(_Rule):
    """Documents of which one is needed, for members under an age (None: any)."""

    under: int | None = None
    any_of: tuple[str, ...]


class Documents(_Rule):
    """Which documents an enrolment of a family member asks for."""

    identity: tuple[DocumentChoice, ...]
    guardianship: tuple[str, ...]


class ImageQuality(_Rule):
    """What a picture must have to be worth a person's look: sharpness at least, and for papers glare at most.

    Measured: sharp photos have 130 and more; blurred over two thousandths of their side 7 to 14, over four 2 to 3.
    """

    sharpness: float
    glare: float


class Retention(_Rule):
    """Days evidence is kept: faces from creation; documents after the decision, and at most from creation."""

    face_days: int
    document_days_after_decision: int
    document_days_at_most: int


class Rights(_Rule):
    """How the insurance authorities are asked: how long an answer may take, how long one serves, when to ask again.

    An answer is shown without asking while it is fresh, and where an authority is silent until it is stale; it goes
    after a week in any case. A statement is of so many months at most, and so many are made a day. No official text
    knows these numbers.
    """

    deadline_milliseconds: int = Field(gt=0)
    fresh_seconds: int = Field(ge=0)
    stale_hours: int = Field(ge=0, le=168)
    retry_seconds: int = Field(gt=0)
    statement_months: int = Field(gt=0)
    statements_a_day: int = Field(ge=0)


class Statements(_Rule):
    """Days the PDF file of a statement is kept, and days that its number is answered.

    No official text knows them; records of processing are kept three years (PIPL art. 56).
    """

    file_days: int = Field(gt=0)
    valid_days: int = Field(gt=0)


class Erasure(_Rule):
    """Days that something of a closed account lies: records and audit, without a name, at least; backups, at most.

    Records of processing are kept three years (PIPL art. 56), logs six months (Cybersecurity Law art. 21).
    """

    record_days: int
    audit_days: int
    backup_days: int


class Faces(_Rule):
    """Tries before people look, and how long one check may take."""

    tries: int
    tries_hours: int
    tries_at_member_a_day: int
    starts_a_day: int
    starts_on_device_a_day: int
    starts_at_member_a_day: int
    check_minutes: int


class FaceRoute(_Rule):
    """A provider for the checks that fit: of these modes and channels (none: of all), from an age to below another.

    `percentage` is its share of them; the routes that fit are also what a check falls back to before it starts.
    """

    provider: str
    modes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    from_age: int = 0
    below_age: int | None = None
    percentage: int = Field(default=100, ge=0, le=100)


class FaceSpend(_Rule):
    """What a check with a provider costs, and what a day's may cost: in fen."""

    price_fen: int = Field(gt=0)
    a_day_fen: int = Field(ge=0)

    @property
    def checks_a_day(self) -> int:
        """As many as the day's money pays."""
        return self.a_day_fen // self.price_fen


class FaceProviders(_Rule):
    """Which provider a check goes to; without routes the order of the setting holds, without spend there is no end."""

    routes: tuple[FaceRoute, ...]
    spend: dict[str, FaceSpend]


class Handovers(_Rule):
    """Minutes that a link and then the step itself may take, tries of the spoken code, links a day, days of a dispute.

    No official text knows them; the first three are as for a code sent by SMS, made longer for slow hands.
    """

    link_minutes: int = Field(gt=0)
    step_minutes: int = Field(gt=0)
    tries: int = Field(gt=0)
    a_day: int = Field(ge=0)
    disputed_days: int = Field(ge=0)


class FamilyLife(_Rule):
    """Days until a dispute that nobody has decided ends its link, and until its owner may name the member again.

    A 16th birthday is announced so many days before; who has turned 18 has so many days to answer for a link.
    """

    dispute_days: int = Field(gt=0)
    disputed_days: int = Field(ge=0)
    announced_days: tuple[int, ...]
    answer_days: int = Field(ge=0)


class LinkEndings(_Rule):
    """Ending links by a code to the register's phone: minutes it is good for and then to choose, tries, codes a day."""

    minutes: int = Field(gt=0)
    choosing_minutes: int = Field(gt=0)
    tries: int = Field(gt=0)
    per_number_a_day: int = Field(ge=0)
    per_address_a_day: int = Field(ge=0)


class Reviews(_Rule):
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


class CardPasswords(_Rule):
    """Wrong passwords until the card is shut, and for how long."""

    streak: int
    streak_minutes: int
    a_day: int
    a_day_hours: int
    since_right: int
    check_seconds: int
    step_up_seconds: int
    reset_minutes: int


class SmsCodes(_Rule):
    """Codes by SMS: life, tries, pause, and how many a phone gets."""

    minutes: int
    tries: int
    resend_seconds: int
    an_hour: int
    a_day: int


class SignIn(_Rule):
    """Wrong sign-ins for a phone, on devices not seen before and on a known one."""

    tries: int
    minutes: int


class Staff(_Rule):
    """Wrong sign-ins of staff, and how long a session of theirs lasts: unused, and at most."""

    tries: int
    tries_minutes: int
    idle_minutes: int
    session_hours: int


class Lookups(_Rule):
    """Asking whether a person exists: the least time an answer takes, and wrong questions a day."""

    floor_milliseconds: int
    per_owner_a_day: int
    per_number_a_day: int


class CardStatus(_Rule):
    """What each status of the physical card (aaz502) allows; `none` is no e-card yet, `died` its holder's death.

    `suspended` is what is left of it while the e-card is suspended.
    """

    issue: tuple[str, ...]
    view: tuple[str, ...]
    query: tuple[str, ...]
    show_code: tuple[str, ...]
    certify: tuple[str, ...]
    file: tuple[str, ...]
    order: tuple[str, ...]
    pay: tuple[str, ...]
    history: tuple[str, ...]
    suspended: tuple[str, ...]

    def allowing(self, use: str) -> tuple[str, ...]:
        """Return the statuses that allow a use, by its name here."""
        statuses: tuple[str, ...] = getattr(self, use)
        return statuses


class CardPayment(_Rule):
    """A live face of the holder that passed so many hours ago is not asked for again to add payment to the card."""

    face_hours: int = Field(ge=0)


class CardChecks(_Rule):
    """How often the register is asked about a physical card: hours from one time to the next, spread by card.

    Before a code is redeemed it is asked again unless it was asked `redeemed_minutes` ago at most, or `paid_minutes`
    where it is to be paid. No official text gives these numbers; the register's events come at once.
    """

    every_hours: int = Field(ge=1)
    redeemed_minutes: int = Field(ge=0)
    paid_minutes: int = Field(ge=0)


class Workdays(_Rule):
    """Days off and days worked that the calendar of working days has otherwise; the last year that is published."""

    off: frozenset[date]
    on: frozenset[date]
    published_through: int | None = None


class Transfers(_Rule):
    """Insurances that move, working days that each leg may take, transfers begun a day, minutes between two looks.

    Reviews and settling: 15 working days each (State Council office, Guobanfa 2009 No. 66); no official text knows the
    others.
    """

    insurances: tuple[str, ...]
    legs: dict[str, Annotated[int, Field(gt=0)]]
    begun_a_day: int
    look_minutes: int = Field(gt=0)
    look_minutes_at_most: int = Field(gt=0)


class Certifications(_Rule):
    """Certification of benefits: months one counts, days before its end when it is due soon and due, and after its end
    until payment is suspended; days before the end when people are reminded, and at what hour (China's time).

    A live face that passed so many hours ago is not asked for again. From `elder_age` on other ways than the face come
    first (Law on the Rights of the Elderly art. 2: 60). The authority is asked again after `look_days`, of whom it
    knows no benefit after `look_days_others`, by who reads after `fresh_minutes`, after `again_minutes` where it did
    not answer.
    """

    months: int = Field(gt=0)
    soon_days: int = Field(ge=0)
    due_days: int = Field(ge=0)
    lapse_days: int = Field(ge=0)
    remind_days: tuple[int, ...]
    remind_hour: int = Field(ge=0, le=23)
    reuse_hours: int = Field(ge=0)
    elder_age: int
    look_days: int = Field(gt=0)
    look_days_others: int = Field(gt=0)
    fresh_minutes: int = Field(ge=0)
    again_minutes: int = Field(gt=0)


class CardOrders(_Rule):
    """Card orders begun a day for a person, and minutes between two looks at how one goes."""

    begun_a_day: int
    look_minutes: int = Field(gt=0)
    look_minutes_at_most: int = Field(gt=0)


class CardPhotos(_Rule):
    """What a photo for a card must have: pixels, bytes, and shares of 1 that are measured; regions differ in the bytes.

    `background`: white in the upper corners; `headroom`: above the head; `beside`: on its narrower side; `off_centre`:
    from the middle; `subject`: not white. `colour` is a distance between channels, `sharpness` as for all pictures.
    """

    width: int
    height: int
    least_bytes: int
    most_bytes: int
    background: float
    least_headroom: float
    most_headroom: float
    beside: float
    off_centre: float
    least_subject: float
    most_subject: float
    colour: float
    sharpness: float


class AgeRules(_Rule):
    """Years that must lie between two relatives, and ages of marriage (Civil Code art. 1047)."""

    by_blood: int
    by_adoption: int
    by_marriage: int
    each_further_generation: int
    husband: int
    wife: int


class Policies(BaseModel):
    """Every rule, each a row of its own under the field's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quota: Quota
    owners: Owners
    enrolments: Enrolments
    ages: Ages
    documents: Documents
    image_quality: ImageQuality
    retention: Retention
    rights: Rights
    statements: Statements
    erasure: Erasure
    faces: Faces
    face_providers: FaceProviders
    handovers: Handovers
    family_life: FamilyLife
    link_endings: LinkEndings
    reviews: Reviews
    card_passwords: CardPasswords
    sms_codes: SmsCodes
    sign_in: SignIn
    staff: Staff
    lookups: Lookups
    card_status: CardStatus
    card_checks: CardChecks
    card_payment: CardPayment
    certifications: Certifications
    age_rules: AgeRules
    transfers: Transfers
    card_orders: CardOrders
    card_photos: CardPhotos
    workdays: Workdays
