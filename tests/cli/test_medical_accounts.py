"""`escard medical-accounts`: credits from a file, each once; bad lines are told; the book is added up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg

from app.core.clock import SHANGHAI
from app.core.db import Database, Session, bucket_of, new_id
from app.models.medical_accounts import LedgerEntry, Movement
from app.services.medical_accounts import booking
from tests import cluster
from tests.cli.commands import Escard
from tests.cli.test_staff import LI, WANG
from tests.cli.test_staff import installed as installed
from tests.cli.test_staff import office as office

UNKNOWN = "100101199003030018"


async def test_good_lines_are_credited_once_and_bad_ones_are_told(
    escard: Escard, office: Mapping[str, str], db: Database
) -> None:
    file = escard.data_folder / "credits.csv"
    lines = [
        "reference,social_security_number,amount",
        f"a/1,{LI},120.5",
        f"a/2,{WANG},80",
        f"a/2,{LI},80",
        f"a/3,{LI},12.345",
        f"a/4,{UNKNOWN},10",
        f"a/1,{LI},120.50",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")

    first = escard.do("medical-accounts", "import", str(file), **office)
    again = escard.do("medical-accounts", "import", str(file), **office)

    assert first.status == 1
    told = first.said.splitlines()
    assert told[-1] == "2 credits booked, 1 known already, 3 faults."
    assert [line.split(" (")[0] for line in told[:-1]] == [
        "line 4, column reference: reference_taken",
        "line 5, column amount: bad_amount",
        "line 6, column social_security_number: person_unknown",
    ]
    assert again.said.splitlines()[-1] == "0 credits booked, 3 known already, 3 faults."
    rows = await db.fetch("SELECT balance::text AS told FROM funds_account ORDER BY balance")
    assert [row[0] for row in rows] == ["80.00", "120.50"]


async def test_a_book_that_was_changed_by_hand_is_told(
    escard: Escard, office: Mapping[str, str], database: cluster.Database
) -> None:
    file = escard.data_folder / "credits.csv"
    file.write_text(f"reference,social_security_number,amount\na/1,{LI},120.5\n", encoding="utf-8")
    assert escard.do("medical-accounts", "import", str(file), **office).status == 0
    assert escard.do("medical-accounts", "check", **office).said == "The book adds up.\n"

    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("UPDATE funds_account SET balance = balance + 1")
    finally:
        await connection.close()

    done = escard.do("medical-accounts", "check", **office)
    assert (done.status, len(done.said.splitlines())) == (1, 1)
    assert "is not what its entries sum to" in done.said


async def test_what_offices_got_is_told_to_the_cent(escard: Escard, office: Mapping[str, str], db: Database) -> None:
    account = booking.office_account("west-window")
    day = datetime(2026, 11, 22, tzinfo=SHANGHAI)

    async def book(session: Session) -> None:
        for amount, at in (("12.31", day), ("0.70", day + timedelta(hours=23)), ("9.00", day + timedelta(days=1))):
            entry = {"bucket": bucket_of(account), "account_id": account, "movement_id": new_id(0)}
            session.add(LedgerEntry(**entry, kind=Movement.DRAW, amount=Decimal(amount), booked_at=at))

    await db.run(book)
    asked = ("medical-accounts", "totals", "--day", "2026-11-22")
    done = escard.do(*asked, **office)
    before = escard.do("medical-accounts", "totals", "--day", "2026-11-21", "--office", "west-window", **office)
    unknown = escard.do(*asked, "--office", "nowhere", **office)

    assert [line.split() for line in done.said.splitlines()[1:]] == [
        ["west-window", "?", "2", "13.01", "0", "0.00", "13.01"],
        ["west-window", "all", "2", "13.01", "0", "0.00", "13.01"],
    ]
    assert before.said == "Nothing was drawn.\n"
    assert (unknown.status, "There is no office nowhere" in unknown.complained) == (1, True)


def test_nothing_is_credited_where_the_accounts_are_kept_elsewhere(escard: Escard, office: Mapping[str, str]) -> None:
    file = escard.data_folder / "credits.csv"
    file.write_text(f"reference,social_security_number,amount\na/1,{LI},120.5\n", encoding="utf-8")
    gateway = {"endpoint": "https://national.example/", "app_id": "escard", "secrets": "whsec_" + "A" * 44}
    elsewhere = {f"national_gateway__{name}": value for name, value in gateway.items()}

    done = escard.do("medical-accounts", "import", str(file), **office, **elsewhere, medical_funds_adapter="national")

    assert (done.status, "kept elsewhere" in done.complained) == (1, True)


def test_a_file_without_its_columns_is_told(escard: Escard, office: Mapping[str, str]) -> None:
    file = escard.data_folder / "credits.csv"
    file.write_text("reference,amount\na/1,10\n", encoding="utf-8")

    done = escard.do("medical-accounts", "import", str(file), **office)

    assert done.said.startswith("line 1, column social_security_number: missing_column")
