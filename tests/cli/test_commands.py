"""The other commands: what they say, and what they refuse in one line."""

import asyncio
import json
import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

import pytest
from alembic.script import ScriptDirectory

from app.adapters.postgres import versions
from app.adapters.postgres.schema import configuration
from app.cli import VERBS, main
from app.cli.configuration import fields, read_settings
from app.cli.terminal import Refused
from app.core.db import Session, bucket_of, new_id
from app.models.cases import Approval, Case, CasePurpose, CaseReason
from app.routers.deps import House
from app.services import audit, cases
from tests import cluster
from tests.adapters.embedded import ROOT
from tests.cli.commands import Escard
from tests.cluster import Cluster
from tests.factories.make import Make
from tests.factories.sm2 import needs_openssl

PEOPLE = """name,social_security_number,phone
王芳,100101199001010048,10000000091
王兰,100101199102020027,10000000092
李强,100101199102020026,
"""


@pytest.fixture
def installed(with_keys: Escard, database: cluster.Database) -> Mapping[str, str]:
    """A key file, and the settings that name a migrated database."""
    return {"database_url": database.app_url, "owner_database_url": database.owner_url}


class TestHelp:
    def test_lists_every_verb(self, escard: Escard) -> None:
        said = escard.do("--help").said

        for verb in VERBS:
            assert f"  {verb} " in said

    @pytest.mark.parametrize("verb", VERBS)
    def test_of_a_verb_has_words(self, verb: str) -> None:
        module = import_module(f"app.cli.{verb.replace('-', '_')}")
        commands = module.app.registered_commands

        assert module.app.info.name == verb or [command.name for command in commands] == [verb]
        assert all(command.callback.__doc__ for command in commands)

    def test_of_what_is_no_verb_is_refused(self, escard: Escard) -> None:
        done = escard.do("dance")

        assert done.status == 2
        assert "No such command 'dance'" in done.complained


class TestSettings:
    def test_all_are_listed(self, escard: Escard) -> None:
        said = escard.do("settings").said

        assert len(said.splitlines()) == 1 + len(list(fields()))
        assert all(name in said for name, _ in fields())

    def test_all_have_a_meaning(self) -> None:
        assert [name for name, field in fields() if not field.description] == []

    def test_the_page_in_the_docs_is_the_list(self, escard: Escard) -> None:
        assert escard.do("settings", "--markdown").said == (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"port": "99999"}, "ESCARD_PORT: Input should be less than or equal to 65535"),
            ({"cors_origins": "https://a.example"}, "ESCARD_CORS_ORIGINS must be a JSON list."),
            ({"object_store": "s3"}, "ESCARD_OBJECT_STORE is s3, so a bucket must be named"),
            (
                {"environment": "production"},
                "production refuses sandboxes: set another ESCARD_FACE_PROVIDERS",
            ),
            ({"s3__bucket": "papers"}, "ESCARD_S3__ACCESS_KEY_ID: Field required"),
        ],
    )
    def test_a_wrong_one_is_told_in_one_line(
        self, given: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in given.items():
            monkeypatch.setenv(f"ESCARD_{name.upper()}", value)

        with pytest.raises(Refused, match=f"^[^\n]*{words}[^\n]*$"):
            read_settings()

    def test_a_wrong_secret_is_not_repeated(self, escard: Escard) -> None:
        done = escard.do("keys", "show", s3__secret_access_key="S3cret-word")

        assert done.status == 1
        assert "S3cret-word" not in done.complained

    def test_one_that_does_not_exist_is_told(self, escard: Escard) -> None:
        done = escard.do("keys", "show", prot="8001")

        assert "ESCARD_PROT is no setting" in done.complained


class TestKeys:
    def test_are_made_once(self, escard: Escard) -> None:
        first = escard.do("keys", "init")
        content = (escard.data_folder / "keys.json").read_bytes()
        second = escard.do("keys", "init")

        assert (first.status, second.status) == (0, 1)
        assert (escard.data_folder / "keys.json").read_bytes() == content
        assert second.complained.count("\n") == 1

    def test_are_shown_without_a_key(self, escard: Escard) -> None:
        escard.do("keys", "init")
        held = json.loads((escard.data_folder / "keys.json").read_text())
        done = escard.do("keys", "show")

        assert done.status == 0
        assert "access-tokens" in done.said
        for key in (held["root"], held["routing"], *held["peppers"].values(), *held["wrapping"].values()):
            assert (key if isinstance(key, str) else key["key"]) not in done.said + done.complained

    def test_tell_their_suite(self, escard: Escard) -> None:
        escard.do("keys", "init", cipher_suite="sm")

        done = escard.do("keys", "show")

        assert "wrapping keys, newest first: 1 (sm, written)" in done.said

    def test_are_replaced_in_steps_and_in_no_other_order(self, escard: Escard) -> None:
        escard.do("keys", "init")
        done = [
            escard.do("keys", *words.split())
            for words in ("write pepper", "add pepper", "add pepper", "drop pepper 1", "write pepper", "drop pepper 2")
        ]
        shown = escard.do("keys", "show").said

        assert [each.status for each in done] == [1, 0, 1, 1, 0, 1]
        assert all(each.complained.count("\n") == 1 for each in done if each.status)
        assert re.search(r"peppers, newest first: 2 \(\w+, written\), 1 \(\w+, read\)", shown)

    def test_of_another_suite_do_not_protect_what_is_new(self, escard: Escard, database: cluster.Database) -> None:
        escard.do("keys", "init", cipher_suite="international")

        done = escard.do("worker", cipher_suite="sm", database_url=database.app_url)

        assert done.status == 1
        assert "the look-up pepper of" in done.complained
        assert "is of the suite international: add one of sm" in done.complained

    @pytest.mark.parametrize("verb", ["serve", "worker", "medical-accounts check"])
    async def test_of_others_do_not_serve_a_database(
        self, with_keys: Escard, database: cluster.Database, make: Make, verb: str
    ) -> None:
        await make.person()
        (with_keys.data_folder / "keys.json").unlink()
        await asyncio.to_thread(with_keys.do, "keys", "init")

        done = await asyncio.to_thread(with_keys.do, *verb.split(), database_url=database.app_url)

        assert done.status == 1
        assert "is not the one that the database was written with" in done.complained
        assert done.complained.count("\n") == 1

    async def test_of_before_a_new_one_was_led_to_do_not_come_back(
        self, with_keys: Escard, database: cluster.Database, make: Make
    ) -> None:
        await make.person()
        path = with_keys.data_folder / "keys.json"
        before = path.read_bytes()
        words = ("keys add pepper", "keys write pepper", "keys rekey pepper --leave", "keys progress")
        done = [await asyncio.to_thread(with_keys.do, *each.split(), database_url=database.app_url) for each in words]
        path.write_bytes(before)

        old = await asyncio.to_thread(with_keys.do, "worker", database_url=database.app_url)

        assert [each.status for each in done] == [0, 0, 0, 0]
        assert old.status == 1
        assert "older than the database, which needs pepper key 2" in old.complained

    def test_that_are_cut_off_are_refused_in_one_line(self, with_keys: Escard) -> None:
        path = with_keys.data_folder / "keys.json"
        path.write_bytes(path.read_bytes()[:100])

        done = [with_keys.do("keys", *words.split()) for words in ("show", "add pepper", "drop pepper 1")]

        assert [each.status for each in done] == [1, 1, 1]
        assert [each.complained for each in done] == [f"escard: {path} is no key file.\n"] * 3

    def test_that_others_may_read_are_refused(self, escard: Escard) -> None:
        escard.do("keys", "init")
        (escard.data_folder / "keys.json").chmod(0o644)
        done = escard.do("keys", "show")

        assert done.status == 1
        assert "can be read by others: chmod 600" in done.complained


@needs_openssl
class TestSigner:
    def test_a_key_is_made_once_and_its_public_key_shown(self, escard: Escard) -> None:
        first, second = (escard.do("signer", "init") for _ in range(2))
        secret = (escard.data_folder / "sm2.pem").read_text().split("\n")[1]

        shown = escard.do("signer", "show")

        assert (first.status, second.status, shown.status) == (0, 1, 0)
        assert shown.said.startswith("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAE")
        assert secret not in first.said + second.complained + shown.said

    def test_without_a_key_nothing_that_needs_it_starts(self, with_keys: Escard, database: cluster.Database) -> None:
        shown = with_keys.do("signer", "show")
        worker = with_keys.do("worker", signer="openssl", database_url=database.app_url)

        assert (shown.status, worker.status) == (1, 1)
        for complained in (shown.complained, worker.complained):
            assert "`escard signer init` makes one" in complained


class TestMigrate:
    def test_brings_an_empty_database_to_the_newest_schema(
        self, escard: Escard, pg: Cluster, database: cluster.Database
    ) -> None:
        pg.execute(
            "DROP SCHEMA public CASCADE", "CREATE SCHEMA public AUTHORIZATION escard_owner", database=database.name
        )
        settings = {"database_url": database.app_url, "owner_database_url": database.owner_url}

        said = [escard.do("migrate", **settings).said for _ in range(2)]

        assert said == [
            "The schema is the one of this version now.\n",
            "The schema is the one of this version already.\n",
        ]

    def test_needs_the_role_that_owns_the_tables(self, escard: Escard, database: cluster.Database) -> None:
        done = escard.do("migrate", database_url=database.app_url)

        assert done.status == 1
        assert "ESCARD_OWNER_DATABASE_URL" in done.complained

    def test_a_start_knows_the_newest_schema_as_alembic_does(self) -> None:
        scripts = ScriptDirectory.from_config(configuration("postgresql://nowhere"))

        assert versions.newest() == scripts.get_current_head()


class TestRegister:
    def test_takes_good_rows_and_tells_bad_ones(self, escard: Escard, installed: Mapping[str, str]) -> None:
        file = escard.data_folder / "people.csv"
        file.write_text(PEOPLE, encoding="utf-8")
        done = escard.do("register", "import", str(file), **installed)

        assert done.status == 1
        assert done.said.startswith("line 3, column social_security_number: ")
        assert done.said.splitlines()[-1] == "2 people taken in, 1 line with faults."
        assert "王兰" not in done.said

    def test_takes_a_good_file(self, escard: Escard, installed: Mapping[str, str]) -> None:
        file = escard.data_folder / "people.csv"
        file.write_text("\n".join(PEOPLE.splitlines()[:2]), encoding="utf-8")
        done = [escard.do("register", "import", str(file), **installed) for _ in range(2)]

        assert [each.status for each in done] == [0, 0]
        assert done[0].said == "1 person taken in, 0 lines with faults.\n"

    def test_needs_a_file(self, escard: Escard, installed: Mapping[str, str]) -> None:
        done = escard.do("register", "import", "nowhere.csv", **installed)

        assert done.status == 1
        assert done.complained == "escard: nowhere.csv cannot be read: No such file or directory.\n"


class TestDemo:
    def test_shows_the_people_and_changes_nothing_the_second_time(
        self, escard: Escard, installed: Mapping[str, str]
    ) -> None:
        first, second = [escard.do("demo", **installed) for _ in range(2)]

        assert first.status == 0
        assert "owner-at-quota" in first.said
        assert first.said == second.said


class TestCases:
    NOWHERE = "00000000-0000-8000-8000-000000000000"

    @pytest.fixture
    def staffed(self, escard: Escard, installed: Mapping[str, str]) -> Mapping[str, str]:
        """An office with a reviewer and a clerk."""
        facts = ("--name", "窗口", "--region", "000000", "--address", "大街 1 号", "--hours", "9–17")
        assert escard.do("offices", "add", "main", *facts, **installed).status == 0
        number = "100101199001010064"
        people = escard.data_folder / "staff.csv"
        people.write_text(f"name,social_security_number\n李伟,{number}\n", encoding="utf-8")
        assert escard.do("register", "import", str(people), **installed).status == 0
        for login, role in (("li", "reviewer"), ("wang", "clerk")):
            words = ("operators", "add", login, "--office", "main", "--role", role)
            assert escard.told(number, *words, **installed).status == 0
        return installed

    def test_none_wait_in_a_new_installation(self, escard: Escard, installed: Mapping[str, str]) -> None:
        done = escard.do("cases", "list", **installed)

        assert done.status == 0
        heads = ["case", "about", "reason", "risks", "region", "opened", "due", "overdue", "reviewers"]
        assert done.said.split() == heads

    async def test_one_is_shown_without_whom_it_is_about(
        self, escard: Escard, installed: Mapping[str, str], house: House, make: Make
    ) -> None:
        me = await make.person(name="欧阳小明")
        subject_id = new_id(bucket_of(me.id))

        async def ask(session: Session) -> Case:
            case = await cases.open_case(
                session,
                home_id=me.id,
                purpose=CasePurpose.ENROLMENT,
                subject_id=subject_id,
                member_id=me.id,
                reason=CaseReason.NO_REFERENCE_PORTRAIT,
                actor=audit.SYSTEM,
            )
            session.add(Approval(bucket=case.bucket, case_id=case.id, operator="li", at=session.now))
            return case

        case = await house.db.run(ask)
        done = await asyncio.to_thread(escard.do, "cases", "show", str(case.id), **installed)

        told = dict(line.split(maxsplit=1) for line in done.said.splitlines())
        assert told.pop("opened") < told["due"]
        assert told == {
            "case": str(case.id),
            "about": "enrolment",
            "state": "open",
            "reason": "no_reference_portrait",
            "risks": "-",
            "region": "100101",
            "due": f"{case.due_at:%Y-%m-%d %H:%M}Z",
            "approved": "by 1 of 2",
        }
        for personal in ("欧阳", me.registered.number, str(me.id)):
            assert personal not in done.said + done.complained

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("show", NOWHERE), "(not-found)."),
            (("approve", NOWHERE, "--operator", "li", "--reason", "papers-fit"), "(not-found)."),
            (("reject", NOWHERE, "--operator", "li", "--reason", "papers-do-not-fit"), "(not-found)."),
            (("ask", NOWHERE, "--operator", "li", "--reason", "papers-unreadable"), "(not-found)."),
            (("approve", NOWHERE, "--operator", "nobody", "--reason", "papers-fit"), "(not-found)."),
            (("approve", NOWHERE, "--operator", "wang", "--reason", "papers-fit"), "wang is no reviewer."),
        ],
    )
    def test_what_cannot_be_decided_is_told_in_one_line(
        self, escard: Escard, staffed: Mapping[str, str], words: tuple[str, ...], said: str
    ) -> None:
        done = escard.do("cases", *words, **staffed)

        assert done.status == 1
        assert done.complained.endswith(f"{said}\n")
        assert done.complained.count("\n") == 1

    def test_a_reason_is_one_of_a_list(self, escard: Escard, installed: Mapping[str, str]) -> None:
        words = ("cases", "reject", self.NOWHERE, "--operator", "li", "--reason", "Mr Wang looks odd")

        done = escard.do(*words, **installed)

        assert done.status == 2
        assert "papers-do-not-fit" in done.complained

    @pytest.mark.parametrize(
        ("verb", "reason", "offered"),
        [
            ("approve", (), "--reason"),
            ("approve", ("--reason", "papers-do-not-fit"), "papers-and-face-fit"),
            ("reject", ("--reason", "papers-fit"), "relationship-not-shown"),
            ("ask", ("--reason", "papers-fit"), "papers-unreadable"),
        ],
    )
    def test_each_verdict_needs_a_reason_of_its_own(
        self, escard: Escard, installed: Mapping[str, str], verb: str, reason: tuple[str, ...], offered: str
    ) -> None:
        done = escard.do("cases", verb, self.NOWHERE, "--operator", "li", *reason, **installed)

        assert done.status == 2
        assert offered in done.complained


class TestAudit:
    def test_a_whole_one_is_told_to_be(self, escard: Escard, installed: Mapping[str, str]) -> None:
        escard.do("demo", **installed)
        done = escard.do("audit", "verify", **installed)

        assert done.status == 0
        assert done.said.endswith(" 0 signed ends looked for: all is whole.\n")

    def test_a_broken_one_fails(
        self, escard: Escard, installed: Mapping[str, str], pg: Cluster, database: cluster.Database
    ) -> None:
        escard.do("demo", **installed)
        pg.execute("UPDATE audit_event SET action = 'nothing' WHERE seq = 1", database=database.name)
        done = escard.do("audit", "verify", **installed)

        assert done.status == 1
        assert "the chain does not hold at event 1." in done.said


class TestRetention:
    def test_where_nothing_is_kept_every_deadline_is(self, escard: Escard, installed: Mapping[str, str]) -> None:
        escard.do("demo", **installed)
        done = escard.do("retention", "report", **installed)

        assert (done.status, done.said) == (
            0,
            "0 raw pictures of faces, 0 objects without a row: every deadline is kept.\n",
        )

    def test_an_object_of_nobody_fails(self, escard: Escard, installed: Mapping[str, str]) -> None:
        escard.do("demo", **installed)
        lost = escard.data_folder / "objects" / "evidence" / "0000" / "lost"
        lost.parent.mkdir(parents=True)
        lost.write_bytes(b"lost")
        done = escard.do("retention", "report", **installed)

        assert done.status == 1
        assert "evidence/0000/lost: no row knows of it." in done.said

    def test_what_is_over_is_shown_before_the_owning_role_deletes_it(
        self, escard: Escard, installed: Mapping[str, str], pg: Cluster, database: cluster.Database
    ) -> None:
        escard.do("demo", **installed)
        pg.execute("INSERT INTO development_clock (id, advance_seconds) VALUES (1, 126144000)", database=database.name)
        refused = escard.do("retention", "cut", database_url=installed["database_url"])
        shown = escard.do("retention", "cut", **installed)
        done = escard.do("retention", "cut", "--delete", **installed)
        whole, again = escard.do("audit", "verify", **installed), escard.do("retention", "cut", **installed)

        assert (refused.status, "ESCARD_OWNER_DATABASE_URL" in refused.complained) == (1, True)
        assert "audit_event" in shown.said
        assert shown.said.endswith(" records are over: to be deleted; say --delete to do it.\n")
        assert done.said.endswith(" records are over: deleted.\n"), done.complained
        assert (whole.status, again.said) == (0, "No record is over.\n")


def test_the_command_has_a_name() -> None:
    (found,) = entry_points(group="console_scripts", name="escard")

    assert found.load() is main
