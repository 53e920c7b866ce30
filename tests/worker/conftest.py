"""What the tests of the worker share."""

import pytest

from tests import cluster


@pytest.fixture
def pg_url(database: cluster.Database) -> str:
    """The address of this test's database, for what the server itself does not do."""
    return database.owner_url
