"""`escard terminals`: added with a key, listed, removed; a private key that is made is shown once."""

import re
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from app.core.db import Database
from app.core.tokens.requests import public_key
from tests.cli.commands import Escard
from tests.cli.test_staff import installed as installed
from tests.cli.test_staff import office as office


def stored(key: Ed25519PrivateKey) -> bytes:
    return public_key(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


async def test_a_terminal_without_a_key_gets_one_that_is_shown_once(
    escard: Escard, office: Mapping[str, str], db: Database
) -> None:
    done = escard.do("terminals", "add", "desk-1", "--office", "west-window", "--purpose", "medical", **office)

    private = load_pem_private_key(done.said[done.said.index("-----BEGIN") :].encode(), None)
    assert isinstance(private, Ed25519PrivateKey)
    rows = await db.fetch("SELECT public_key, may_identify, may_medical, may_pay FROM terminal")
    assert [tuple(row) for row in rows] == [(stored(private), False, True, False)]
    listed = escard.do("terminals", "list", **office).said
    assert "desk-1    west-window  medical" in listed
    assert "PRIVATE" not in listed


async def test_a_terminal_that_has_made_its_own_key_keeps_it(
    escard: Escard, office: Mapping[str, str], db: Database
) -> None:
    private, file = Ed25519PrivateKey.generate(), escard.data_folder / "desk.pem"
    file.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    facts = ("--office", "west-window", "--purpose", "identify", "--purpose", "pay", "--public-key", str(file))

    done = escard.do("terminals", "add", "desk-1", *facts, **office)

    assert (done.status, done.said) == (0, "desk-1 is added.\n")
    rows = await db.fetch("SELECT public_key, may_identify, may_medical, may_pay FROM terminal")
    assert [tuple(row) for row in rows] == [(stored(private), True, False, True)]


def test_one_that_was_removed_is_listed_with_its_end_and_its_name_is_given_to_no_other(
    escard: Escard, office: Mapping[str, str]
) -> None:
    facts = ("terminals", "add", "desk-1", "--office", "west-window", "--purpose", "identify")
    assert escard.do(*facts, **office).status == 0

    removed = escard.do("terminals", "remove", "desk-1", **office)

    assert removed.said == "desk-1 is heard no more.\n"
    listed = escard.do("terminals", "list", **office).said
    assert len(re.findall(r"\b\d{4}-\d{2}-\d{2}", listed)) == 2, "since when, and until when"
    again = escard.do(*facts, **office)
    assert (again.status, again.complained) == (1, "escard: There is a terminal of this name (terminal-known).\n")
    assert "(not-found)" in escard.do("terminals", "remove", "desk-1", **office).complained


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Desk 1", "--office", "west-window"), "A terminal's name is made of"),
        (("desk-1", "--office", "nowhere"), "There is no office nowhere"),
        (
            ("desk-1", "--office", "west-window", "--public-key", "/nowhere.pem"),
            "The public key /nowhere.pem cannot be",
        ),
        (("desk-1", "--office", "west-window", "--public-key", "/dev/null"), "/dev/null is no public key in PEM"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    escard: Escard, office: Mapping[str, str], arguments: tuple[str, ...], words: str
) -> None:
    done = escard.do("terminals", "add", *arguments, "--purpose", "identify", **office)

    assert done.status == 1
    assert done.complained.startswith(f"escard: {words}")
