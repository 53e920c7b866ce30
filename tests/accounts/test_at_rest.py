"""Who reads the whole database reads nobody's name, number, phone or secret, and can move no sealed value."""

import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.adapters.postgres.founding import SUPERUSER
from app.ports.register import TestPerson
from tests import cluster
from tests.cluster import Cluster
from tests.factories.callers import SOMEBODY, SOMEBODY_ELSE, sign_in
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone

COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type NOT IN ('integer', 'bigint', 'smallint', 'boolean')
"""


@pytest.fixture
async def thief(pg: Cluster, database: cluster.Database) -> AsyncIterator[asyncpg.Connection]:
    """Somebody at the server itself."""
    connection = await asyncpg.connect(pg.url(SUPERUSER, database.name))
    yield connection
    await connection.close()


async def everything(thief: asyncpg.Connection) -> dict[str, str]:
    """Return each column's values as one text; bytes as PostgreSQL writes them, in hexadecimal digits."""
    found = {}
    for table, column in await thief.fetch(COLUMNS):
        values = await thief.fetchval(f"SELECT string_agg({column}::text, E'\\n') FROM {table}")  # noqa: S608 - its own
        if values:
            found[f"{table}.{column}"] = values
    return found


def secrets_of(person: TestPerson) -> list[str]:
    phone = [] if person.phone is None else [person.phone]
    return [person.name, person.number, person.birth_date.isoformat(), str(person.card_number), *phone]


async def test_nothing_personal_lies_open(
    owner: Phone, people: dict[str, TestPerson], thief: asyncpg.Connection
) -> None:
    child, parent = people["child-9"], people["parent-68"]
    await owner.add(child, "20" if int(child.number[16]) % 2 else "30", age=9)
    await owner.add(parent, "51" if int(parent.number[16]) % 2 else "52", age=68)
    await sign_in(owner, password=PASSWORD)
    await owner.step_up("903517")
    code = await owner.sms_code("card_password_reset")
    reset = await owner.call("POST", "/v1/card/password-resets", {"sms_code": code})
    spent = [person for label, person in people.items() if label in ("owner", "child-9", "parent-68")]

    stored = await everything(thief)

    secrets = [secret for person in spent for secret in secrets_of(person)]
    secrets += ["Test phone", "Another phone", owner.device, PASSWORD]
    secrets += [owner.tokens["access_token"], owner.tokens["refresh_token"]]
    secrets += list(reset.json()["face_check"]["client"].values())[1:]
    assert len(stored) > 100
    assert [(column, secret) for secret in secrets for column, text in stored.items() if is_in(secret, text)] == []
    short = [text for column, text in stored.items() if column.startswith(("card_password", "sms_code"))]
    assert not any(is_in(secret, text) for secret in (CARD_PASSWORD, "903517", code) for text in short)


def is_in(secret: str, text: str) -> bool:
    """Say whether a text holds the secret: as it is, as bytes, or as JSON escapes it."""
    return any(form in text for form in (secret, secret.encode().hex(), json.dumps(secret)[1:-1]))


async def test_the_program_itself_cannot_undo_what_is_audited(owner: Phone, database: cluster.Database) -> None:
    app = await asyncpg.connect(database.app_url)
    for statement in ("UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()


async def test_a_sealed_value_moved_to_somebody_else_does_not_open(holder: Phone, thief: asyncpg.Connection) -> None:
    other = Phone(holder.client, holder.house, SOMEBODY_ELSE)
    await other.register()
    await thief.execute("UPDATE account SET phone = (SELECT phone FROM account other WHERE other.id <> account.id)")

    answers = [await holder.call("GET", "/v1/me"), await other.call("GET", "/v1/me")]

    assert [answer.status_code for answer in answers] == [500, 500]
    assert not any(number[-4:] in answer.json()["detail"] for number in (SOMEBODY, SOMEBODY_ELSE) for answer in answers)


async def test_a_sealed_value_moved_with_its_key_does_not_open_either(holder: Phone, thief: asyncpg.Connection) -> None:
    """The thief swaps values and the wrapped keys they open with: each is bound to its row."""
    other = Phone(holder.client, holder.house, SOMEBODY_ELSE)
    await other.register()
    await thief.execute("UPDATE account SET phone = (SELECT phone FROM account other WHERE other.id <> account.id)")
    await thief.execute("UPDATE home SET wrapped_key = (SELECT wrapped_key FROM home other WHERE other.id <> home.id)")

    answers = [await holder.call("GET", "/v1/me"), await other.call("GET", "/v1/me")]

    assert [answer.status_code for answer in answers] == [500, 500]
