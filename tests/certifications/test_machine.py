"""The machines of certification over every pair, and where days lead."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from app.models.certifications import NEXT, STEPS, Certification, CertificationState, Event, Recipient, Standing
from app.ports.certifications import Benefit, CertifiedKind, Entitlement, PaymentState
from app.services.certifications import stages
from app.services.rules.filing import Certifications

_LEARNT = "not_due due_soon due passed suspended restored"
_ALWAYS = {"learn": _LEARNT, "ask_people": "in_review", "pass": "passed restored"}
LEADS_TO = {
    "not_due": _ALWAYS | {"time": "due_soon due suspended"},
    "due_soon": _ALWAYS | {"time": "due suspended", "fail_face": "face_failed"},
    "due": _ALWAYS | {"time": "suspended", "fail_face": "face_failed"},
    "passed": _ALWAYS | {"time": "due_soon due suspended"},
    "face_failed": _ALWAYS | {"time": "due suspended", "fail_face": "face_failed"},
    "in_review": {"learn": "not_due passed restored", "pass": "passed restored", "decline": f"{_LEARNT} face_failed"},
    "suspended": _ALWAYS,
    "restored": _ALWAYS | {"time": "due_soon due suspended"},
}
GOES_ON_TO = {
    "open": "in_review reporting face_failed cancelled not_needed",
    "in_review": "reporting rejected cancelled not_needed",
    "reporting": "passed rejected",
    "passed": "",
    "face_failed": "",
    "rejected": "",
    "cancelled": "",
    "not_needed": "",
}
TODAY = date(2026, 11, 22)
RULES = Certifications(
    months=12,
    soon_days=60,
    due_days=30,
    lapse_days=30,
    remind_days=(60, 30, 7, 1),
    remind_hour=9,
    reuse_hours=24,
    elder_age=60,
    look_days=7,
    look_days_others=30,
    fresh_minutes=10,
    again_minutes=60,
)


@pytest.mark.parametrize(("state", "event", "to"), list(product(Standing, Event, Standing)))
def test_every_step_of_a_recipient(state: Standing, event: Event, to: Standing) -> None:
    recipient = Recipient(state=state)

    moved = recipient.advance(event, to)

    assert moved == (to.value in LEADS_TO[state.value].get(event.value, "").split() and to is not state)
    assert recipient.state is (to if moved else state)


@pytest.mark.parametrize(("state", "to"), list(product(CertificationState, CertificationState)))
def test_every_step_of_a_certification(state: CertificationState, to: CertificationState, moment: datetime) -> None:
    certification = Certification(state=state, version=3, address=b"sealed")

    moved = certification.advance(to, moment)

    assert moved == (to.value in GOES_ON_TO[state.value].split())
    assert (certification.state, certification.version) == ((to, 4) if moved else (state, 3))
    assert (certification.address is None) == (moved and not STEPS[to])


@pytest.fixture
def moment() -> datetime:
    """A moment, whichever."""
    return datetime(2026, 11, 22, tzinfo=UTC)


def test_nobody_is_stuck() -> None:
    for state, events in NEXT.items():
        assert {Standing.PASSED, Standing.RESTORED} <= events[Event.PASS], state


def paid(days_left: int | None, payment: PaymentState = PaymentState.PAID, *, has_been: bool = True) -> Entitlement:
    """An entitlement that is due in so many days."""
    due_on = None if days_left is None else TODAY + timedelta(days=days_left)
    certified_on = TODAY - timedelta(days=300) if has_been else None
    return Entitlement((Benefit(CertifiedKind.PENSION, payment),), certified_on, None, due_on)


@pytest.mark.parametrize(
    ("left", "state"),
    [(365, "passed"), (61, "passed"), (60, "due_soon"), (31, "due_soon"), (30, "due"), (0, "due"), (-1, "due"),
     (-30, "due"), (-31, "suspended")],
)  # fmt: skip
def test_days_left_lead_from_passed_to_suspended(left: int, state: str) -> None:
    assert stages.at(paid(left), TODAY, RULES).value == state


def test_what_the_authority_has_stopped_is_suspended_on_the_first_day_after_the_end() -> None:
    assert stages.at(paid(-1, PaymentState.SUSPENDED), TODAY, RULES) is Standing.SUSPENDED
    assert stages.at(paid(200, PaymentState.SUSPENDED), TODAY, RULES) is Standing.PASSED


def test_who_was_paid_back_is_restored_until_it_is_due_again() -> None:
    assert stages.at(paid(200, PaymentState.RESTORED), TODAY, RULES) is Standing.RESTORED
    assert stages.at(paid(50, PaymentState.RESTORED), TODAY, RULES) is Standing.DUE_SOON


def test_who_gets_nothing_or_has_just_begun_to_get_it_has_time() -> None:
    assert stages.at(Entitlement(), TODAY, RULES) is Standing.NOT_DUE
    assert stages.at(paid(200, has_been=False), TODAY, RULES) is Standing.NOT_DUE


@pytest.mark.parametrize(
    ("certified_on", "until"),
    [
        (date(2026, 11, 22), date(2027, 11, 22)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2026, 12, 31), date(2027, 12, 31)),
    ],
)
def test_a_certification_counts_for_twelve_months(certified_on: date, until: date) -> None:
    assert stages.valid_until(certified_on, RULES) == until


@pytest.mark.parametrize("months", [1, 6, 24])
def test_how_long_it_counts_is_a_policy(months: int) -> None:
    rules = RULES.model_copy(update={"months": months})
    said = Entitlement((Benefit(CertifiedKind.PENSION, PaymentState.PAID),), date(2026, 1, 31), None, None)

    assert stages.due_on(said, rules) == {1: date(2026, 2, 28), 6: date(2026, 7, 31), 24: date(2028, 1, 31)}[months]
