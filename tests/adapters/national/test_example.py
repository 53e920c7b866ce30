"""The example of a national gateway: starts as its page says, reads people from a file, and is as bad as it is told."""

import asyncio
import os
import re
import socket
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from national_gateway import ExampleGateway
from national_moods import MOODS
from national_people import demo, read

from app.adapters.national.envelopes import Asked, Envelopes
from app.adapters.national.gateway import NationalGateway
from app.adapters.national.register import NationalRegister
from app.adapters.national.signing import InTheClear, MacSigner
from app.adapters.webhooks import read_secret
from app.core.clock import MovableClock, SystemClock
from app.core.suites import Suite
from tests.factories.national import SECRET_TEXT, example, national_settings
from tests.factories.servers import loopback_client, serving

FOLDER = Path(__file__).parents[3] / "examples" / "national_gateway"
PEOPLE = """name,social_security_number,sex,birth_date,region,is_alive,phone,card_number,card_status,mother_number,\
guardian_numbers,portrait,computer_number,medical_account
沈佳宁,100101199103189026,,,,,10000000901,D00000901,2,,,,600000901,120.5
陆一鸣,100101201806249013,,,,否,,,,100101199103189026,100101199001010020;100101199001010048,face.jpg,,
"Smith, John",USA110190010108,男,1990/1/1,110000,,,,,,,,
"""


async def test_it_starts_as_its_page_says_and_prints_what_escard_needs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = re.search(r"^```sh\n(.*)\n```$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert found is not None
    program, *words = found[1].replace("8010", str(port)).split()
    assert program == ".venv/bin/uvicorn"

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", *words),
        cwd=FOLDER.parents[1],
        env={"PATH": os.environ["PATH"]},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        printed = b""
        async with asyncio.timeout(60):
            while b"running on" not in printed:
                line = await process.stderr.readline()
                assert line, printed
                printed += line
        told = dict(re.findall(r"ESCARD_NATIONAL_GATEWAY__(\w+)=(\S+)", printed.decode()))
        async with loopback_client() as client:
            settings = national_settings(told["ENDPOINT"], app_id=told["APP_ID"], secrets=told["SECRETS"])
            register = NationalRegister(NationalGateway(settings, SystemClock(), client), SystemClock())
            owner = await register.find("100101198703140037")
        assert owner is not None
        assert owner.name == "王志远"
    finally:
        process.terminate()
        await process.wait()


def test_people_are_read_from_a_file_as_escard_reads_them(tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8-sig")

    found = read(path)

    assert found.portraits == {"100101201806249013": b"\xff\xd8\xff\xd9"}
    assert [(each["aac004"], each["aac006"], each["aac060"], each["aab301"]) for each in found.said.values()] == [
        ("2", "19910318", "1", "100101"),
        ("1", "20180624", "2", "100101"),
        ("1", "19900101", "1", "110000"),
    ]
    assert [(each["aac001"], each["aaz500"], each["aaz502"]) for each in found.said.values()] == [
        ("600000901", "D00000901", "2"),
        (None, None, None),
        (None, None, None),
    ]
    assert found.credits == {"100101199103189026": Decimal("120.50")}
    assert found.said["100101201806249013"]["guardians"] == ["100101199001010020", "100101199001010048"]


@pytest.mark.parametrize(
    "row", ["", "王芳,", ",100101199103189026", "John,USA110190010108", "王芳,100101199103189026,1e3"]
)
def test_a_row_that_cannot_be_read_is_told_by_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "people.csv"
    columns = "name,social_security_number,medical_account"
    path.write_text(f"{columns}\n沈佳宁,100101199103189026,\n{row or ','}\n", encoding="utf-8")

    with pytest.raises(ValueError, match="line 3"):
        read(path)


def test_it_knows_everybody_of_the_demo() -> None:
    people = demo()

    assert len(people.said) >= 47
    assert {each["aaz502"] for each in people.said.values()} == {"0", "1", "2", "3", "4", "9", None}
    assert people.portraits.keys() <= people.said.keys()
    assert people.credits["100101198703140037"] == Decimal("12.30")


async def test_it_hears_a_request_once_and_none_of_another_time_or_for_somebody_else() -> None:
    clock, secret = MovableClock(), read_secret(SECRET_TEXT)
    there = example(MovableClock())
    ours = Envelopes("escard", MacSigner(Suite.INTERNATIONAL, [secret]), InTheClear(), clock)
    others = Envelopes("others", MacSigner(Suite.INTERNATIONAL, [secret]), InTheClear(), clock)
    asked = Asked.anew("register.find")
    body, foreign = [await each.seal(asked, b'{"aac002": "100101198703140037"}') for each in (ours, others)]
    clock.move(timedelta(minutes=6))
    late = await ours.seal(Asked.anew("register.find"), b"{}")
    clock.advance = timedelta()

    async with serving(there.app()) as address, loopback_client() as client:
        first, again, of_others, too_late, none, big = [
            await client.post(f"{address}/", content=each)
            for each in (body, body, foreign, late, b"\xff", bytes(1024 * 1024 + 1))
        ]

    assert [(await ours.open(asked, each.content)).code for each in (first, again)] == ["404", "409"]
    assert [each.status_code for each in (of_others, too_late, none, big)] == [401, 401, 401, 413]


async def test_its_mood_can_be_changed_while_it_runs() -> None:
    gateway = ExampleGateway("escard", ["whsec_" + "A" * 44], demo())
    async with serving(gateway.app()) as address, loopback_client() as client:
        changed = await client.put(f"{address}/mood", json={"mood": "down"})
        unknown = await client.put(f"{address}/mood", json={"mood": "merry"})

    assert (changed.json(), gateway.mood) == ({"mood": "down"}, "down")
    assert (unknown.status_code, unknown.json()["moods"].keys()) == (422, MOODS.keys())
