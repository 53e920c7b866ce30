"""`escard channels`: added with a secret shown once, the secret changed, listed, removed."""

from collections.abc import Mapping

import pytest

from app.adapters.webhooks import read_secret
from tests import cluster
from tests.cli.commands import Escard

BANK = ("bank_app", "--url", "https://bank.example/hook", "--event", "card.changed", "--event", "card.left")


@pytest.fixture
def installed(escard: Escard, database: cluster.Database) -> Mapping[str, str]:
    """A key file, and the settings that name a migrated database."""
    assert escard.do("keys", "init").status == 0
    return {"database_url": database.app_url, "owner_database_url": database.owner_url}


def test_a_channel_comes_changes_its_secret_and_goes(escard: Escard, installed: Mapping[str, str]) -> None:
    added = escard.do("channels", "add", *BANK, **installed)
    again = escard.do("channels", "add", *BANK, **installed)
    rotated = escard.do("channels", "rotate", "bank_app", **installed)
    listed = escard.do("channels", "list", **installed)
    removed = escard.do("channels", "remove", "bank_app", **installed)
    gone = escard.do("channels", "rotate", "bank_app", **installed)

    first, second = (read_secret(done.said.splitlines()[0]) for done in (added, rotated))
    assert first != second
    assert again.complained == "escard: This channel hears already (channel-known).\n"
    assert "bank_app  https://bank.example/hook  card.changed, card.left  " in listed.said
    assert added.said.splitlines()[0] not in listed.said
    assert (removed.status, gone.status) == (0, 1)


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [("Bank App", "https://bank.example", "A channel's name"), ("bank", "http://bank.example", "Events go to https")],
)
def test_what_is_no_name_and_no_address_is_told(
    escard: Escard, installed: Mapping[str, str], name: str, url: str, words: str
) -> None:
    done = escard.do("channels", "add", name, "--url", url, "--event", "card.left", **installed)

    assert done.status == 1
    assert done.complained.startswith(f"escard: {words}")
