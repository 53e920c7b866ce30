"""The machine of transfers, pair by pair."""

from itertools import pairwise, product

import pytest

from app.core.db import Database, new_id
from app.models.transfers import (
    ENDED,
    NEXT,
    UNDER_WAY,
    WITHDRAWABLE,
    Transfer,
    TransferState,
    TransferStepNotAllowed,
)
from app.ports.transfers import TransferStage
from app.services import policies

EXPECTED = """
    draft                   submitted withdrawn
    submitted               reviewing_at_new_place rejected withdrawn not_submitted
    reviewing_at_new_place  letter_sent rejected withdrawn
    letter_sent             reviewing_at_old_place withdrawn
    reviewing_at_old_place  funds_sent rejected
    funds_sent              funds_received
    funds_received          settling
    settling                done
"""
LEADS_TO = {
    TransferState(state): {TransferState(to) for to in targets}
    for state, *targets in (line.split() for line in EXPECTED.splitlines() if line.strip())
}


@pytest.mark.parametrize(("state", "to"), list(product(TransferState, TransferState)))
def test_a_state_leads_where_it_should_and_nowhere_else(state: TransferState, to: TransferState) -> None:
    transfer = Transfer(id=new_id(1), state=state)

    if to in LEADS_TO.get(state, set()):
        transfer.advance(to)
        assert transfer.state is to
    else:
        with pytest.raises(TransferStepNotAllowed):
            transfer.advance(to)
        assert transfer.state is state


def test_every_end_can_be_reached_and_nothing_follows_it() -> None:
    assert {to for targets in NEXT.values() for to in targets} | {TransferState.DRAFT} == set(TransferState)
    assert {state.value for state in ENDED} == {"done", "rejected", "withdrawn", "not_submitted"}
    assert UNDER_WAY | ENDED | {TransferState.DRAFT} == set(TransferState)


def test_what_the_old_place_looks_at_cannot_be_taken_back() -> None:
    assert {state.value for state in WITHDRAWABLE} == {
        "draft",
        "submitted",
        "reviewing_at_new_place",
        "letter_sent",
    }


def test_every_stage_of_the_places_is_a_state() -> None:
    whole = [TransferState(stage.value) for stage in TransferStage][:7]

    assert all(later in NEXT[earlier] for earlier, later in pairwise(whole))


async def test_every_state_under_way_has_a_clock(db: Database) -> None:
    rules = (await policies.at_hand(db)).transfers

    assert set(rules.legs) == {state.value for state in UNDER_WAY}
