"""People brought as a CSV file: good rows are taken, bad ones told by line and column."""

import csv
import io
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.demo_pictures import portrait_photo
from app.adapters.register import cells, demo, people_csv
from app.adapters.register.cells import RowFault
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.adapters.register.people_csv import Readers
from app.core.db import Database
from app.ports.register import PhysicalCard, PhysicalCardStatus
from app.services.people.identifiers import NumberFault, Population, check_character, parse_number
from app.services.people.names import NameFault, parse_name
from app.services.people.phones import PhoneFault, parse_phone
from tests.adapters.test_register import DAY

READERS = Readers(
    number=partial(parse_number, population=Population.WITH_TEST_PEOPLE),
    name=parse_name,
    phone=partial(parse_phone, population=Population.WITH_TEST_PEOPLE),
)
FANG = "100101199001010048"
LAN = "100101199102020026"


def read(text: str, folder: Path = Path()) -> tuple[list[Entry], list[RowFault]]:
    found = list(people_csv.read_people(io.StringIO(text, newline=""), folder=folder, readers=READERS))
    return (
        [entry for entry in found if isinstance(entry, Entry)],
        [fault for fault in found if isinstance(fault, RowFault)],
    )


def faults_of(row: str, header: str) -> list[tuple[str | None, str]]:
    entries, faults = read(f"name,social_security_number,{header}\n王芳,{FANG},{row}\n")
    assert not entries
    assert all(fault.line == 2 for fault in faults)
    return [(fault.column, fault.reason) for fault in faults]


def one(row: str, header: str) -> Entry:
    entries, faults = read(f"name,social_security_number,{header}\n王芳,{FANG},{row}\n")
    assert not faults
    return entries[0]


def said_to_be(width: int, height: int, photo: bytes) -> bytes:
    """Return a JPEG whose frame header tells another size (ITU-T T.81 B.2.2)."""
    at = photo.index(b"\xff\xc0") + 5
    return photo[:at] + height.to_bytes(2) + width.to_bytes(2) + photo[at + 4 :]


class TestGoodRows:
    def test_a_name_and_a_number_are_enough(self) -> None:
        (entry,), faults = read(f"name,social_security_number\n王芳,{FANG}\n")

        person = entry.person
        assert faults == []
        assert (person.name, person.number, person.sex, person.region) == ("王芳", FANG, "2", "100101")
        assert person.birth_date.isoformat() == "1990-01-01"
        assert person.is_alive
        assert (person.card, person.phone, entry.portrait, entry.label) == (None, None, None, None)

    def test_every_column_is_taken(self, tmp_path: Path) -> None:
        (tmp_path / "faces").mkdir()
        (tmp_path / "faces" / "fang.jpg").write_bytes(portrait_photo(1))
        text = (
            "name,social_security_number,sex,birth_date,region,is_alive,phone,card_number,card_status,"
            "father_number,mother_number,guardian_numbers,computer_number,portrait\n"
            f"阿依古丽•买买提,{FANG.lower()},女,1990/1/1,440305,no,100 0000 0001,a12345678,4,"
            f"{LAN},11010519491231002x,{LAN}；11010519491231002X,６00000123,faces/fang.jpg\n"
        )

        (entry,), faults = read(text, tmp_path)

        person = entry.person
        assert faults == []
        assert person.name == "阿依古丽·买买提"
        assert person.sex == "2"
        assert person.region == "440305"
        assert not person.is_alive
        assert person.phone == "10000000001"
        assert person.card == PhysicalCard("A12345678", PhysicalCardStatus.LOST_TEMPORARILY)
        assert person.parents == {LAN, "11010519491231002X"}
        assert person.guardians == {LAN, "11010519491231002X"}
        assert person.computer_number == "600000123"
        assert entry.portrait == portrait_photo(1)

    @pytest.mark.parametrize("written", ["1990-01-01", "19900101", "1990/1/1", "1990.01.01"])
    def test_dates_are_taken_as_spreadsheets_write_them(self, written: str) -> None:
        assert one(written, "birth_date").person.birth_date.isoformat() == "1990-01-01"

    @pytest.mark.parametrize(
        ("written", "is_alive"), [("", True), ("TRUE", True), ("1", True), ("是", True), ("0", False), ("否", False)]
    )
    def test_life_is_taken_in_words_and_figures(self, written: str, is_alive: bool) -> None:  # noqa: FBT001 - data
        assert one(written, "is_alive").person.is_alive is is_alive

    def test_a_card_without_a_status_works(self) -> None:
        card = one("D00000001", "card_number").person.card

        assert card is not None
        assert card.status is PhysicalCardStatus.NORMAL

    def test_a_permit_of_2017_takes_sex_and_century_from_the_row(self) -> None:
        entries, faults = read(
            "name,social_security_number,sex,birth_date\nMAX MUSTER,USA110190010108,1,1990-01-01\n"
            "EVA MUSTER,USA110105010102,,1905-01-01\n"
        )

        assert faults == []
        assert [entry.person.sex for entry in entries] == ["1", "0"]
        assert entries[1].person.birth_date.year == 1905

    def test_columns_come_in_any_order_and_rows_may_be_short_or_empty(self) -> None:
        entries, faults = read(f" Social_Security_Number , NAME,phone\r\n{FANG},王芳\r\n,,\r\n\r\n{LAN},王兰,,\r\n")

        assert faults == []
        assert [entry.person.name for entry in entries] == ["王芳", "王兰"]

    def test_the_people_of_the_demo_survive_the_trip(self) -> None:
        stream = io.StringIO(newline="")
        rows = csv.writer(stream)
        rows.writerow(["name", "social_security_number", "sex", "birth_date", "region", "phone"])
        for entry in demo.people(DAY):
            person = entry.person
            rows.writerow([person.name, person.number, person.sex, person.birth_date, person.region, person.phone])

        entries, faults = read(stream.getvalue())

        assert faults == []
        assert [entry.person.number for entry in entries] == [entry.person.number for entry in demo.people(DAY)]


class TestBadRows:
    def test_good_rows_are_taken_between_bad_ones(self) -> None:
        entries, faults = read(
            "name,social_security_number,phone\n"
            f"王芳,{FANG},\n"
            "王丽,100101199001010044,\n"
            f'王英,{FANG},"12\n3"\n'
            f"王兰,{LAN},\n"
            "王强,1,\n"
        )

        assert [entry.person.name for entry in entries] == ["王芳", "王兰"]
        assert faults == [
            RowFault(3, "social_security_number", "bad_check"),
            RowFault(4, "phone", "bad_length"),
            RowFault(7, "social_security_number", "bad_length"),
        ]

    @pytest.mark.parametrize(
        ("header", "row", "column", "reason"),
        [
            ("sex", "1", "sex", "disagrees_with_number"),
            ("sex", "F", "sex", "bad_code"),
            ("birth_date", "1990-01-02", "birth_date", "disagrees_with_number"),
            ("birth_date", "1990-02-30", "birth_date", "bad_date"),
            ("birth_date", "yesterday", "birth_date", "bad_date"),
            ("region", "4403", "region", "bad_characters"),
            ("is_alive", "perhaps", "is_alive", "bad_code"),
            ("phone", "010 5555 1234", "phone", "not_mainland_mobile"),
            ("card_number", "12345", "card_number", "bad_characters"),
            ("card_number,card_status", "D00000001,7", "card_status", "bad_code"),
            ("card_number,card_status", ",1", "card_number", "empty"),
            ("father_number", "123", "father_number", "bad_length"),
            ("mother_number", FANG, "mother_number", "own_number"),
            ("guardian_number", f"{LAN};123", "guardian_numbers", "bad_length"),
            ("sex", "2,surplus", None, "too_many_cells"),
        ],
    )
    def test_each_fault_names_its_column(self, header: str, row: str, column: str | None, reason: str) -> None:
        assert faults_of(row, header) == [(column, reason)]

    def test_every_fault_of_a_row_is_told(self) -> None:
        assert faults_of("3,1990-13-01,12", "sex,birth_date,region") == [
            ("sex", "bad_code"),
            ("birth_date", "bad_date"),
            ("region", "bad_characters"),
        ]

    def test_an_empty_name_and_number_are_told(self) -> None:
        _, faults = read("name,social_security_number,sex\n,,1\n")

        assert [(fault.column, fault.reason) for fault in faults] == [
            ("name", "empty"),
            ("social_security_number", "empty"),
        ]

    def test_a_number_or_card_that_comes_twice_is_taken_once(self) -> None:
        entries, faults = read(
            "name,social_security_number,card_number\n"
            f"王芳,{FANG},D00000001\n王芳,{FANG},\n王兰,{LAN},D00000001\n王兰,{LAN},D00000002\n"
        )

        assert [entry.person.number for entry in entries] == [FANG, LAN]
        assert faults == [RowFault(3, "social_security_number", "repeated"), RowFault(4, "card_number", "repeated")]

    def test_a_number_written_differently_is_the_same(self) -> None:
        _, faults = read("name,social_security_number\n王芳,11010519491231002X\n王芳,110105491231002\n")

        assert faults == [RowFault(3, "social_security_number", "repeated")]

    def test_faults_never_tell_what_stands_there(self) -> None:
        _, faults = read("name,social_security_number,phone\n王芳,100101199001010044,13800000000x\n")

        told = "\n".join(map(str, faults)) + repr(faults)
        assert "100101199001010044" not in told
        assert "13800000000x" not in told
        assert str(faults[0]) == (
            "line 2, column social_security_number: bad_check (its check character is wrong: something is mistyped)"
        )

    def test_quotes_that_cannot_be_right_spoil_their_row_only(self) -> None:
        entries, faults = read(f'name,social_security_number\n"王"芳,{FANG}\n王兰,{LAN}\n')

        assert faults == [RowFault(2, None, "unreadable_row")]
        assert [entry.person.name for entry in entries] == ["王兰"]

    def test_every_reason_has_words(self) -> None:
        for fault in (*NumberFault, *NameFault, *PhoneFault):
            assert fault.value in cells.REASONS

    @given(st.text(max_size=400))
    @settings(max_examples=150, deadline=None, database=None)
    def test_no_text_breaks_the_reader(self, text: str) -> None:
        read("name,social_security_number,birth_date,card_number,portrait\n" + text)
        read(text)


class TestFirstLine:
    @pytest.mark.parametrize("text", ["", "\n\n", f"王芳,{FANG}\n", "name;social_security_number\n"])
    def test_without_names_of_columns_nothing_is_taken(self, text: str) -> None:
        entries, faults = read(text)

        assert entries == []
        assert {fault.reason for fault in faults} == {"missing_column"}

    def test_a_column_named_twice_is_refused(self) -> None:
        entries, faults = read(f"name,social_security_number,name\n王芳,{FANG},王兰\n")

        assert entries == []
        assert faults == [RowFault(1, "name", "repeated_column")]

    def test_an_unknown_column_is_left_out_and_told(self) -> None:
        entries, faults = read(f"name,social_security_number,portait\n王芳,{FANG},face.jpg\n")

        assert len(entries) == 1
        assert faults == [RowFault(1, "number 3", "unknown_column")]

    def test_quotes_that_cannot_be_right_are_told(self) -> None:
        assert read('"name"x,social_security_number\n') == ([], [RowFault(1, None, "unreadable_row")])


class TestPortraits:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "people"
        folder.mkdir()
        (tmp_path / "outside.jpg").write_bytes(portrait_photo(1))
        (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
        (folder / "cut.jpg").write_bytes(portrait_photo(1)[:5000])
        (folder / "text.jpg").write_bytes(b"no picture")
        (folder / "big.jpg").write_bytes(portrait_photo(1) + bytes(2 << 20))
        (folder / "wide.jpg").write_bytes(said_to_be(8000, 8000, portrait_photo(1)))
        return folder

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("missing.jpg", "file_missing"),
            ("../outside.jpg", "file_missing"),
            ("/etc/hostname", "file_missing"),
            ("link.jpg", "file_missing"),
            (".", "file_missing"),
            ("x" * 5000, "file_missing"),
            ("a\0b.jpg", "not_valid"),
            ("cut.jpg", "not_jpeg"),
            ("text.jpg", "not_jpeg"),
            ("big.jpg", "file_too_big"),
            ("wide.jpg", "file_too_big"),
        ],
    )
    def test_a_portrait_that_cannot_be_taken_is_told(self, folder: Path, path: str, reason: str) -> None:
        entries, faults = read(f"name,social_security_number,portrait\n王芳,{FANG},{path}\n", folder)

        assert entries == []
        assert faults == [RowFault(2, "portrait", reason)]


class TestFiles:
    TEXT = f"name,social_security_number\n王芳,{FANG}\n龚䶮,{LAN}\n"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    def test_every_encoding_gives_the_same_people(self, tmp_path: Path, encoding: str) -> None:
        path = tmp_path / "people.csv"
        path.write_text(self.TEXT, encoding=encoding)

        entries = list(people_csv.people_in(path, READERS))

        assert [entry.person.name for entry in entries if isinstance(entry, Entry)] == ["王芳", "龚䶮"]

    def test_a_file_in_another_encoding_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "people.csv"
        path.write_text(self.TEXT, encoding="utf-16")

        with pytest.raises(people_csv.PeopleFileNotReadable):
            list(people_csv.people_in(path, READERS))

    async def test_a_file_is_taken_twice_and_nobody_is_there_twice(self, tmp_path: Path, db: Database) -> None:
        register, path = EmbeddedRegister(db), tmp_path / "people.csv"
        numbers = [entry.person.number for entry in demo.people(DAY)]
        path.write_text("name,social_security_number\n" + "".join(f"王芳,{number}\n" for number in numbers) + "王,1\n")

        for _ in range(2):
            imported = await people_csv.import_people(register, path, READERS)

            assert imported.people == len(numbers)
            assert imported.faults == (RowFault(len(numbers) + 2, "social_security_number", "bad_length"),)

        assert await register.count() == len(numbers)

    async def test_a_long_file_is_taken_in_batches(self, tmp_path: Path, db: Database) -> None:
        register, path = EmbeddedRegister(db), tmp_path / "people.csv"
        first17s = [f"10010119900101{sequence:03}" for sequence in range(250)]
        text = "".join(f"王芳,{first17}{check_character(first17)}\n" for first17 in first17s)
        path.write_text("name,social_security_number\n" + text)

        imported = await people_csv.import_people(register, path, READERS)

        assert imported == people_csv.Imported(250, ())
        assert await register.count() == 250
