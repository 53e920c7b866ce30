"""What was spent: each side reads its own, newest first, with the months' sums."""

from datetime import date

from sqlalchemy import update

from app.core.clock import today
from app.core.db import Database
from app.models.people import Person
from app.routers.deps import House
from tests.factories.adding import ok, refused
from tests.factories.make import JSON, Holder, Make
from tests.factories.paying import HISTORY, give_back, pay, put, sharer
from tests.factories.terminals import Terminal
from tests.family.test_coming_of_age import until


async def read(holder: Holder, query: str = "") -> JSON:
    return await holder.read(f"{HISTORY}{query}")


async def test_each_side_reads_its_own(make: Make, son: Holder, till: Terminal, db: Database) -> None:
    await put(db, son, "12.30")
    mother = await sharer(make, db, son, amount="100.00")
    made = ok(await pay(till, son, "60.00", partial_allowed=True))

    (spent,) = (await read(son))["items"]
    (paid,) = (await read(await make.signed_in(mother.owner)))["items"]

    assert (spent["id"], spent["side"], spent["amount"], spent["office"]) == (made["id"], "spent", "60.00", "服务窗口")
    assert [(part["source"], part["name"], part["amount"]) for part in spent["parts"]] == [
        ("own", None, "12.30"),
        ("shared", "陈**", "47.70"),
    ]
    assert spent["spender"] is None
    assert (paid["id"], paid["side"], paid["amount"], paid["spender"]) == (made["id"], "paid", "47.70", "王**")
    assert (paid["office"], paid["parts"]) == (None, [])


async def test_pages_go_on_and_meet_nothing_twice(make: Make, son: Holder, till: Terminal, db: Database) -> None:
    await put(db, son, "10.00")
    await sharer(make, db, son, amount="10.00")
    made = [ok(await pay(till, son, f"{each}.00"))["id"] for each in range(1, 6)]

    seen, cursor, pages = list[str](), "", 0
    while pages == 0 or cursor:
        page = await read(son, f"?limit=2{cursor}")
        assert bool(page["months"]) is (pages == 0)
        seen += [item["id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        pages += 1

    assert (seen, pages) == (made[::-1], 3)


async def test_months_are_summed_and_what_was_given_back_is_not_in_them(
    make: Make, son: Holder, till: Terminal, db: Database, house: House
) -> None:
    await put(db, son, "12.00")
    mother = await sharer(make, db, son, amount="100.00")
    now = house.db.clock.now()
    first = today(now).replace(day=1)
    ok(await pay(till, son, "20.00"))
    returned = ok(await pay(till, son, "5.00"))
    ok(await give_back(till, returned["id"]))
    await until(house, date(first.year + first.month // 12, first.month % 12 + 1, 1))
    ok(await pay(till, son, "3.00"))

    found = await read(son)
    hers = await read(await make.signed_in(mother.owner))

    assert [(each["own"], each["from_others"], each["for_others"]) for each in found["months"]] == [
        ("0.00", "3.00", "0.00"),
        ("12.00", "8.00", "0.00"),
    ]
    assert [each["month"] for each in hers["months"]][1] == f"{first:%Y-%m}"
    assert [each["for_others"] for each in hers["months"]] == ["3.00", "8.00"]
    assert [item["reversed_at"] is not None for item in found["items"]] == [False, True, False]


async def test_it_is_in_the_download_masked(make: Make, son: Holder, till: Terminal, db: Database) -> None:
    mother = await sharer(make, db, son, amount="100.00")
    ok(await pay(till, son, "20.00"))

    mine = (await (await make.card_password(son)).read("/v1/me/data"))["held"]
    hers = (await (await make.card_password(await make.signed_in(mother.owner))).read("/v1/me/data"))["held"]

    assert [(row["payer"], row["amount"]) for row in mine["draw_part"]] == [("陈**", "20.00")]
    assert [(row["spender"], row["amount"]) for row in hers["draw_share"]] == [("王**", "20.00")]
    assert hers["draw"] == []


async def test_who_is_no_longer_shown_to_be_the_holder_has_no_history(son: Holder, db: Database) -> None:
    await db.run(lambda session: session.execute(update(Person).values(account_id=None)))

    refused(await son.call("GET", HISTORY), 409, "own-card-needed")
