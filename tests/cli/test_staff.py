"""`escard offices` and `escard operators`: added, shown once, listed, renewed, removed."""

from collections.abc import Mapping
from datetime import datetime

import httpx
import pytest

from tests import cluster
from tests.cli.commands import Done, Escard
from tests.factories.staff import code_at, secret_in

OFFICE = ("--name", "西区窗口", "--region", "100101", "--address", "西大街 8 号", "--hours", "9–17")
LI, WANG = "100101199001010064", "100101199102020042"


@pytest.fixture
def installed(escard: Escard, database: cluster.Database) -> Mapping[str, str]:
    """A key file, and the settings that name a migrated database."""
    assert escard.do("keys", "init").status == 0
    return {"database_url": database.app_url, "owner_database_url": database.owner_url}


@pytest.fixture
def office(escard: Escard, installed: Mapping[str, str]) -> Mapping[str, str]:
    """The same with an office, and with two people in the register who can be reviewers."""
    assert escard.do("offices", "add", "west-window", *OFFICE, **installed).status == 0
    people = escard.data_folder / "staff.csv"
    people.write_text(f"name,social_security_number\n李伟,{LI}\n王燕,{WANG}\n", encoding="utf-8")
    assert escard.do("register", "import", str(people), **installed).status == 0
    return installed


def shown(done: Done) -> dict[str, str]:
    """What somebody signs in with, as it was shown."""
    assert done.status == 0, done.complained
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in done.said.splitlines()[:3]}


class TestOffices:
    def test_one_that_was_added_is_listed_and_its_id_is_taken(self, escard: Escard, office: Mapping[str, str]) -> None:
        listed = escard.do("offices", "list", **office)
        again = escard.do("offices", "add", "west-window", *OFFICE, **office)

        assert "west-window  西区窗口  district_branch  100101  西大街 8 号  9–17   12333" in listed.said
        assert (again.status, again.complained) == (1, "escard: This office is there already (office-known).\n")

    @pytest.mark.parametrize(
        ("office_id", "region", "words"),
        [("West Window", "100101", "An office's id"), ("west", "10010", "A region is")],
    )
    def test_what_is_no_id_and_no_region_is_told(self, escard: Escard, office_id: str, region: str, words: str) -> None:
        facts = (*OFFICE[:2], "--region", region, *OFFICE[4:])

        done = escard.do("offices", "add", office_id, *facts)

        assert done.status == 1
        assert done.complained.startswith(f"escard: {words}")


class TestOperators:
    def test_what_is_shown_once_signs_in(self, escard: Escard, office: Mapping[str, str]) -> None:
        factors = shown(escard.told(LI, "operators", "add", "li.wei", "--office", "west-window", **office))
        running = escard.start("serve", **office).ready()
        try:
            asked = {"login": "li.wei", "password": factors["password"]}
            begun = httpx.get(f"{escard.url}/healthz")
            assert begun.status_code == 200
            secret = secret_in(factors["address"])
            now = httpx.post(f"{escard.url}/dev/clock", json={"advance_seconds": 0}).json()["now"]
            totp = code_at(secret, _seconds(now))
            answer = httpx.post(f"{escard.url}/v1/staff/sessions", json=asked | {"totp": totp})
        finally:
            running.interrupted()

        assert factors["login"] == "li.wei"
        assert answer.status_code == 201, answer.text
        assert answer.json()["operator"]["role"] == "reviewer"
        assert factors["password"] not in running.complained

    def test_everybody_is_listed_without_a_secret_and_who_left_too(
        self, escard: Escard, office: Mapping[str, str]
    ) -> None:
        first = shown(escard.told(LI, "operators", "add", "li", "--office", "west-window", **office))
        shown(escard.do("operators", "add", "wang", "--office", "west-window", "--role", "clerk", **office))
        removed = escard.do("operators", "remove", "wang", **office)
        renewed = shown(escard.do("operators", "renew", "li", **office))
        listed = escard.do("operators", "list", **office)

        rows = [line.split() for line in listed.said.splitlines()]
        assert removed.said == "wang is let in no more.\n"
        assert [row[:4] for row in rows[1:]] == [
            ["li", "reviewer", "west-window", "known"],
            ["wang", "clerk", "west-window", "-"],
        ]
        assert rows[1][5] == "-"
        assert rows[2][4] == rows[2][5]
        for factors in (first, renewed):
            assert factors["password"] not in listed.said
            assert secret_in(factors["address"]).hex() not in listed.said
        assert first["password"] != renewed["password"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("add", "li", "--office", "nowhere"), "There is no office nowhere; `escard offices list` shows them."),
            (("add", "Li Wei", "--office", "west-window"), "A login is 2 to 32"),
            (("remove", "nobody"), "(not-found)"),
            (("renew", "nobody"), "(not-found)"),
            (("identify", "nobody"), "(not-found)"),
        ],
    )
    def test_what_cannot_be_is_told_in_one_line(
        self, escard: Escard, office: Mapping[str, str], words: tuple[str, ...], said: str
    ) -> None:
        done = escard.told(LI, "operators", *words, **office)

        assert done.status == 1
        assert said in done.complained
        assert done.complained.count("\n") == 1

    def test_a_login_is_given_once(self, escard: Escard, office: Mapping[str, str]) -> None:
        escard.told(LI, "operators", "add", "li", "--office", "west-window", **office)
        escard.do("operators", "remove", "li", **office)
        again = escard.told(LI, "operators", "add", "li", "--office", "west-window", **office)

        assert again.complained == "escard: This login is taken (login-taken).\n"

    def test_their_own_number_is_asked_for_and_not_shown(self, escard: Escard, office: Mapping[str, str]) -> None:
        people = escard.data_folder / "people.csv"
        people.write_text("name,social_security_number\n王芳,100101199001010048\n", encoding="utf-8")
        assert escard.do("register", "import", str(people), **office).status == 0
        words = ("operators", "add", "li", "--office", "west-window")

        silent = escard.do(*words, **office)
        unknown = escard.told("100101199102020026", *words, **office)
        wrong = escard.told("100101199001010049", *words, **office)
        known = escard.told("100101199001010048", *words, **office)
        twin = escard.told("100101199001010048", *words[:2], "twin", *words[3:], **office)
        listed = escard.do("operators", "list", **office)

        assert (twin.status, twin.complained.splitlines()[-1]) == (
            1,
            "escard: This person has a login already (person-has-login).",
        )
        assert (silent.status, unknown.status, wrong.status) == (1, 1, 1)
        assert "The register knows nobody with this number." in unknown.complained
        assert "This is no social security number (bad_check)." in wrong.complained
        assert shown(known)["login"] == "li"
        assert listed.said.splitlines()[1].split()[3] == "known"
        assert "19900101" not in known.said + known.complained + wrong.complained + listed.said

    def test_who_somebody_is_can_be_said_later_and_once(self, escard: Escard, office: Mapping[str, str]) -> None:
        clerk = ("operators", "add", "wang", "--office", "west-window", "--role", "clerk")
        assert escard.do(*clerk, **office).status == 0
        said, again = [escard.told(WANG, "operators", "identify", "wang", **office) for _ in range(2)]
        another = escard.told(LI, "operators", "identify", "wang", **office)
        listed = escard.do("operators", "list", **office)

        assert (said.status, again.status) == (0, 0)
        assert another.complained == "escard: This login is taken (login-taken).\n"
        assert listed.said.splitlines()[1].split()[3] == "known"


def _seconds(moment: str) -> float:

    return datetime.fromisoformat(moment).timestamp()
