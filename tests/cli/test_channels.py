"""`escard channels`: added with a secret shown once, the secret changed, listed, removed."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

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
    muted = escard.do("channels", "mute", "bank_app", **installed)
    removed = escard.do("channels", "remove", "bank_app", **installed)
    gone = escard.do("channels", "rotate", "bank_app", **installed)

    first, second = (read_secret(done.said.splitlines()[0]) for done in (added, rotated))
    assert first != second
    assert again.complained == "escard: There is a channel of this name (channel-known).\n"
    assert "https://bank.example/hook  card.changed, card.left  " in listed.said
    assert added.said.splitlines()[0] not in listed.said
    assert (muted.status, removed.status, gone.status) == (0, 0, 1)


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


def test_a_channel_is_allowed_stopped_and_given_keys(
    escard: Escard, installed: Mapping[str, str], tmp_path: Path
) -> None:
    jwks, sub = tmp_path / "jwks.json", ("--kind", "mini_program", "--level", "2")
    jwks.write_text(json.dumps({"keys": [a_key("one"), a_key("two")]}))

    assert escard.do("channels", "add", "mini", *sub, "--service", "rights", **installed).said == "mini is added.\n"
    assert escard.do("channels", "add", "town", *sub, "--parent", "mini", **installed).status == 0
    assert escard.do("channels", "keys", "add", "mini", str(jwks), **installed).said == "mini may sign with one, two.\n"
    assert escard.do("channels", "keys", "remove", "mini", "one", **installed).status == 0
    keys = escard.do("channels", "keys", "list", "mini", **installed)
    allowed = escard.do("channels", "allow", "mini", "--service", "enrol", "--service", "show_code", **installed)
    stopped = escard.do("channels", "suspend", "town", **installed)
    listed = escard.do("channels", "list", **installed)
    resumed = escard.do("channels", "resume", "town", **installed)

    assert ("two  P-256" in keys.said, "one" in keys.said) == (True, False)
    assert (allowed.status, stopped.said, resumed.said) == (0, "town is suspended.\n", "town goes on.\n")
    rows = {line.split()[0]: " ".join(line.split()[1:8]) for line in listed.said.splitlines() if line}
    assert rows["mini"] == "mini_program 2 - active show_code, enrol -"
    assert rows["town"].startswith("mini_program 2 mini suspended show_code, enrol,")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "mini", "--level", "4"), "A channel's level is 1, 2 or 3."),
        (("add", "mini", "--url", "https://mini.example"), "A channel that hears has an address"),
        (("add", "mini", "--kind", "hospital", "--parent", "app"), "Above a channel stands one of its own kind"),
        (("add", "mini", "--entry", "mini.example"), "Where people enter a channel"),
        (("keys", "add", "app", "nowhere.json"), "nowhere.json cannot be read"),
        (("keys", "add", "app", __file__), "This is neither JSON nor PEM."),
        (("again", "nobody", "--since", "2026-11-20"), "Not found"),
    ],
)
def test_what_cannot_be_is_told(
    escard: Escard, installed: Mapping[str, str], arguments: tuple[str, ...], words: str
) -> None:
    done = escard.do("channels", *arguments, **installed)

    assert (done.status, done.said) == (1, "")
    assert done.complained.startswith(f"escard: {words}")


def a_key(kid: str) -> dict[str, str]:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(each.to_bytes(32)).decode().rstrip("=") for each in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid}
