"""An amount over several accounts: in their order, to the cent, and why somebody gives no more."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from app.core.db import new_id
from app.services.draws.splitting import Because, Source, split


def source(balance: str, **more: Any) -> Source:
    return Source(new_id(0), Decimal(balance), **more)


def left(cap: str) -> dict[str, Decimal]:
    return {"cap": Decimal(cap), "left_of_cap": Decimal(cap)}


@pytest.mark.parametrize(
    ("sources", "given", "because"),
    [
        ([source("60.00")], ["52.30"], [None]),
        ([source("12.30"), source("90.00")], ["12.30", "40.00"], [Because.EMPTY, None]),
        ([source("52.30"), source("90.00")], ["52.30", "0.00"], [None, Because.NOT_NEEDED]),
        ([source("0.00"), source("90.00", is_paused=True)], ["0.00", "0.00"], [Because.EMPTY, Because.PAUSED]),
        ([source("2.30"), source("90.00", **left("10.00"))], ["2.30", "10.00"], [Because.EMPTY, Because.CAP_REACHED]),
        ([source("2.30"), source("9.00", **left("10.00"))], ["2.30", "9.00"], [Because.EMPTY, Because.EMPTY]),
        ([source("2.30"), source("90.00", **left("0.00"))], ["2.30", "0.00"], [Because.EMPTY, Because.CAP_REACHED]),
        ([source("2.30"), source("90.00", is_gone=True)], ["2.30", "0.00"], [Because.EMPTY, Because.ENDED]),
    ],
)
def test_each_gives_as_far_as_it_reaches(
    sources: list[Source], given: list[str], because: list[Because | None]
) -> None:
    done = split(Decimal("52.30"), sources)

    assert [str(part.amount) for part in done.parts] == given
    assert [part.because for part in done.parts] == because
    assert done.covered + done.uncovered == Decimal("52.30")


def test_whatever_the_accounts_no_cent_comes_or_goes() -> None:
    chance = Random(20261122)  # noqa: S311 - cases, not secrets
    for _ in range(500):
        sources = [source(f"{chance.randrange(5000) / 100:.2f}") for _ in range(chance.randrange(1, 6))]
        amount = Decimal(chance.randrange(1, 12_000)) / 100

        done = split(amount, sources)

        assert done.covered == min(amount, sum((each.balance for each in sources), Decimal(0)))
        assert all(Decimal(0) <= part.amount <= part.source.balance for part in done.parts)
