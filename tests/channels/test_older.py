"""Channels from before there was a registry are in it, and go on as they were."""

from concurrent.futures import ThreadPoolExecutor

import asyncpg
from alembic import command

from app.adapters.postgres.schema import configuration
from tests import cluster


async def test_channels_that_heard_hear_on_and_those_that_were_removed_stay_so(database: cluster.Database) -> None:
    config = configuration(database.owner_url)
    with ThreadPoolExecutor(1) as apart:  # Alembic runs an event loop of its own
        apart.submit(command.downgrade, config, "0037").result()
        connection = await asyncpg.connect(database.owner_url)
        try:
            await connection.execute(
                "INSERT INTO channel (name, id, url, secrets, events, added_at, removed_at) VALUES"
                " ('bank', gen_random_uuid(), 'https://bank.example', 'x', 'card.left', now(), NULL),"
                " ('old', gen_random_uuid(), 'https://old.example', 'x', 'card.left', now(), now())"
            )
            apart.submit(command.upgrade, config, "head").result()
            rows = await connection.fetch("SELECT name, status, is_open, url, kind, level FROM channel ORDER BY name")
        finally:
            await connection.close()

    assert [tuple(row) for row in rows] == [
        ("app", "active", True, None, "app", 1),
        ("bank", "active", True, "https://bank.example", "app", 1),
        ("old", "removed", False, None, "app", 1),
    ]
