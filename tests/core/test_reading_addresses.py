"""Addresses that show one thing to one session for a minute: signed by us, and no part of them can be another."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.core.clock import MovableClock
from app.core.errors import NotFound
from app.core.tokens.addresses import READING_LIFETIME, ReadingAddresses, ReadingAddressOver, SignedAddress

SECRET = bytes(range(32))
SESSION = UUID("beefc1a4-8cf9-84ba-a83b-154d4bd053a9")
PATH = "/v1/reviews/a/exhibits/b"


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


def test_one_is_good_for_a_minute(clock: MovableClock) -> None:
    addresses = ReadingAddresses(SECRET, clock=clock)
    address = addresses.sign(SESSION, PATH)

    addresses.check(SESSION, address)
    clock.move(READING_LIFETIME - timedelta(seconds=2))
    addresses.check(SESSION, address)
    clock.move(timedelta(seconds=2))

    with pytest.raises(ReadingAddressOver):
        addresses.check(SESSION, address)


def test_under_another_key_it_is_none(clock: MovableClock) -> None:
    address = ReadingAddresses(SECRET[::-1], clock=clock).sign(SESSION, PATH)

    with pytest.raises(NotFound):
        ReadingAddresses(SECRET, clock=clock).check(SESSION, address)


@given(
    session=st.uuids() | st.just(SESSION),
    path=st.text() | st.just(PATH),
    later=st.integers(0, 10**9),
    signature=st.none() | st.text(),
)
def test_no_part_of_it_can_be_another(session: UUID, path: str, later: int, signature: str | None) -> None:
    addresses = ReadingAddresses(SECRET, clock=MovableClock())
    address = addresses.sign(SESSION, PATH)
    changed = SignedAddress(path, address.until + later, address.signature if signature is None else signature)
    assume((session, changed) != (SESSION, address))

    with pytest.raises(NotFound):
        addresses.check(session, changed)


def test_parts_do_not_run_into_each_other(clock: MovableClock) -> None:
    addresses = ReadingAddresses(SECRET, clock=clock)
    address = addresses.sign(SESSION, f"{PATH}\n9")

    with pytest.raises(NotFound):
        addresses.check(SESSION, replace(address, path=PATH, until=int(f"9{address.until}")))
    with pytest.raises(NotFound):
        addresses.check(uuid4(), address)
