"""The machine of enrolments, pair by pair: which event a state answers, and where it may lead."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from app.core.db import new_id
from app.models.enrolments import NEXT, OPEN, Enrolment, EnrolmentKind, Event, State, StepNotAllowed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPECTED = """
    notice_pending     acknowledge_notice  details_pending
    notice_pending     cancel              cancelled
    notice_pending     expire              expired

    details_pending    acknowledge_notice  details_pending
    details_pending    give_details        documents_pending face_pending
    details_pending    cancel              cancelled
    details_pending    expire              expired

    documents_pending  acknowledge_notice  details_pending
    documents_pending  give_details        documents_pending face_pending
    documents_pending  change_documents    documents_pending face_pending
    documents_pending  consent             documents_pending face_pending
    documents_pending  withdraw_consent    documents_pending
    documents_pending  birthday            face_pending
    documents_pending  ask_for_review      in_review
    documents_pending  attest              face_pending
    documents_pending  cancel              cancelled
    documents_pending  expire              expired

    face_pending       acknowledge_notice  details_pending
    face_pending       give_details        documents_pending face_pending
    face_pending       change_documents    documents_pending face_pending
    face_pending       consent             documents_pending face_pending
    face_pending       withdraw_consent    documents_pending face_pending
    face_pending       hand_over           face_pending
    face_pending       start_face          face_pending
    face_pending       pass_face           face_pending password_pending in_review active
    face_pending       fail_face           face_pending in_review
    face_pending       get_slot            active
    face_pending       ask_for_review      in_review
    face_pending       attest              face_pending
    face_pending       reject              rejected
    face_pending       cancel              cancelled
    face_pending       expire              expired

    password_pending   acknowledge_notice  details_pending
    password_pending   give_details        documents_pending face_pending
    password_pending   withdraw_consent    password_pending
    password_pending   set_password        active
    password_pending   cancel              cancelled
    password_pending   expire              expired

    in_review          withdraw_consent    documents_pending face_pending
    in_review          approve             face_pending password_pending active
    in_review          reject              rejected
    in_review          ask_for_more        documents_pending face_pending
    in_review          attest              face_pending
    in_review          cancel              cancelled
"""
LEADS_TO = {
    (State(state), Event(event)): {State(to) for to in targets}
    for state, event, *targets in (line.split() for line in EXPECTED.splitlines() if line.strip())
}


def enrolment_in(state: State) -> Enrolment:
    return Enrolment(
        id=new_id(1),
        kind=EnrolmentKind.FAMILY_MEMBER,
        state=state,
        version=7,
        expires_at=NOW + timedelta(hours=10),
        review_since=NOW - timedelta(hours=5) if state is State.IN_REVIEW else None,
    )


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_state_answers_these_events_and_no_others(state: State, event: Event) -> None:
    allowed = LEADS_TO.get((state, event), set())

    for target in State:
        enrolment = enrolment_in(state)
        if target in allowed:
            enrolment.require(event)
            enrolment.advance(event, target, NOW)
            assert (enrolment.state, enrolment.version) == (target, 8)
            assert (enrolment.ended_at == NOW) == (target not in OPEN)
        else:
            with pytest.raises(StepNotAllowed):
                enrolment.advance(event, target, NOW)
            assert (enrolment.state, enrolment.version, enrolment.ended_at) == (state, 7, None)
    if not allowed:
        with pytest.raises(StepNotAllowed):
            enrolment_in(state).require(event)


def test_every_state_is_reached_from_the_first() -> None:
    reached, ahead = set(), {State.NOTICE_PENDING}
    while ahead:
        state = ahead.pop()
        reached.add(state)
        ahead |= set[State]().union(*NEXT[state].values()) - reached

    assert reached == set(State)


def test_every_open_state_can_be_cancelled_and_all_but_review_expire() -> None:
    assert {state for state in State if Event.CANCEL in NEXT[state]} == OPEN
    assert {state for state in State if Event.EXPIRE in NEXT[state]} == OPEN - {State.IN_REVIEW}


@pytest.mark.parametrize("state", State)
def test_a_refusal_says_what_to_do_instead(state: State) -> None:
    enrolment = enrolment_in(state)

    step = enrolment.refusal.next_step

    assert step is not None
    where = {State.ACTIVE: "/v1/family"}.get(
        state, "/v1/enrolments" if state not in OPEN else f"/v1/enrolments/{enrolment.id}"
    )
    assert str(step.href).startswith(where)


def test_the_clock_stands_still_in_review() -> None:
    enrolment = enrolment_in(State.FACE_PENDING)

    enrolment.advance(Event.ASK_FOR_REVIEW, State.IN_REVIEW, NOW)
    enrolment.advance(Event.APPROVE, State.FACE_PENDING, NOW + timedelta(hours=30))

    assert enrolment.expires_at == NOW + timedelta(hours=40)
    assert enrolment.review_since is None
