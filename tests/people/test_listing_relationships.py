"""Clients find the relationships there are, with what must fit, and what is told of a rule is what is checked."""

from datetime import date

import httpx
import pytest

from app import texts
from app.services.people.identifiers import Sex
from app.services.people.plausibility import AgeRules, RuleCode, Vitals, implausibility, rule_codes
from app.services.people.relationships import RELATIONSHIPS
from tests.cluster import Database
from tests.factories.adding import set_policy

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(("language", "father"), [("zh-CN", "父亲"), ("en", "father"), ("es", "padre")])
async def test_every_code_is_listed_in_the_language_asked_for(
    client: httpx.AsyncClient, language: str, father: str
) -> None:
    answer = await client.get("/v1/relationships", headers={"Accept-Language": language})
    items = {item["code"]: item for item in answer.json()["items"]}

    assert list(items) == list(RELATIONSHIPS)
    assert (answer.headers["content-language"], answer.headers["vary"]) == (language, "Accept-Language")
    told = items["51"]
    assert (told["name"], told["place"], told["sex"], told["owner_sex"]) == (father, "elder", "male", None)
    assert told["least_years_apart"] == 14
    assert [rule["code"] for rule in told["rules"]] == ["member_male", "member_older_by_years"]
    assert items["99"]["rules"] == []


async def test_it_is_kept_by_who_has_read_it(client: httpx.AsyncClient) -> None:
    first = await client.get("/v1/relationships")
    again = await client.get("/v1/relationships", headers={"If-None-Match": first.headers["etag"]})
    in_english = await client.get(
        "/v1/relationships", headers={"If-None-Match": first.headers["etag"], "Accept-Language": "en"}
    )

    assert "public" in first.headers["cache-control"]
    assert (again.status_code, again.content) == (304, b"")
    assert in_english.status_code == 200


async def test_the_years_are_the_policy_s(client: httpx.AsyncClient, database: Database) -> None:
    await set_policy(database, "age_rules", by_blood=16)

    items = {item["code"]: item for item in (await client.get("/v1/relationships")).json()["items"]}

    assert (items["20"]["least_years_apart"], items["41"]["least_years_apart"]) == (16, 30)


def test_every_rule_is_told_somewhere_and_has_words() -> None:
    rules = AgeRules()

    assert {code for each in RELATIONSHIPS.values() for code in rule_codes(each, rules)} == set(RuleCode)
    assert set(texts.relationship_rules()) == {code.value for code in RuleCode}


@pytest.mark.parametrize("code", RELATIONSHIPS)
def test_a_sex_is_refused_where_a_rule_says_so(code: str) -> None:
    told = rule_codes(RELATIONSHIPS[code], AgeRules())
    grown = {sex: Vitals(sex, date(1950, 1, 1)) for sex in (Sex.MALE, Sex.FEMALE)}

    for sex, other in ((Sex.MALE, RuleCode.MEMBER_FEMALE), (Sex.FEMALE, RuleCode.MEMBER_MALE)):
        found = implausibility(code, owner=grown[Sex.MALE], member=grown[sex], on=TODAY, rules=AgeRules())
        assert (found == "member_sex") == (other in told)
