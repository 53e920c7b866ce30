"""The machine of card orders, pair by pair."""

from itertools import product

import pytest

from app.core.db import new_id
from app.models.card_orders import ENDED, NEXT, UNDER_WAY, CardOrder, CardOrderState, CardOrderStepNotAllowed
from app.ports.card_orders import CardOrderStage

EXPECTED = """
    draft            submitted withdrawn
    submitted        reviewed failed not_submitted withdrawn
    reviewed         batched_to_bank failed
    batched_to_bank  account_opened failed
    account_opened   being_made failed
    being_made       at_branch failed
    at_branch        collected failed
"""
LEADS_TO = {
    CardOrderState(state): {CardOrderState(to) for to in targets}
    for state, *targets in (line.split() for line in EXPECTED.splitlines() if line.strip())
}


@pytest.mark.parametrize(("state", "to"), list(product(CardOrderState, CardOrderState)))
def test_a_state_leads_where_it_should_and_nowhere_else(state: CardOrderState, to: CardOrderState) -> None:
    order = CardOrder(id=new_id(1), state=state)

    if to in LEADS_TO.get(state, set()):
        order.advance(to)
        assert order.state is to
    else:
        with pytest.raises(CardOrderStepNotAllowed):
            order.advance(to)
        assert order.state is state


def test_every_state_can_be_reached_and_ends_are_ends() -> None:
    assert {to for targets in NEXT.values() for to in targets} | {CardOrderState.DRAFT} == set(CardOrderState)
    assert {state.value for state in ENDED} == {"collected", "failed", "not_submitted", "withdrawn"}
    assert UNDER_WAY | ENDED | {CardOrderState.DRAFT} == set(CardOrderState)


def test_every_stage_of_those_who_make_cards_is_a_state() -> None:
    assert {stage.value for stage in CardOrderStage} <= {state.value for state in CardOrderState}
