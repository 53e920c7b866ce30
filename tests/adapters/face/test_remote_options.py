"""What a remote provider is told by the settings."""

import pytest

from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import MovableClock
from app.ports.face import FaceMode
from tests.adapters.face.remote_scene import OPTIONS
from tests.adapters.face.remote_stage import SECRET
from tests.factories.servers import loopback_client


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ({}, frozenset(FaceMode)),
        ({"modes": "both"}, frozenset(FaceMode)),
        ({"modes": "live"}, {FaceMode.LIVE}),
        ({"modes": "photo"}, {FaceMode.PHOTO}),
    ],
)
def test_it_makes_the_checks_that_its_other_side_can(modes: dict[str, str], expected: set[FaceMode]) -> None:
    assert RemoteFaceProvider(MovableClock(), loopback_client(), OPTIONS | modes).modes == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"endpoint": "http://faces.example"}, "ENDPOINT: pictures and numbers go over https alone"),
        ({"endpoint": "http://127.0.0.1.faces.example"}, "ENDPOINT: pictures"),
        ({"endpoint": "ftp://faces.example"}, "ENDPOINT: pictures"),
        ({"endpoint": "faces.example"}, "ENDPOINT: an address has a host"),
        ({"endpoint": "https://"}, "ENDPOINT: an address has a host"),
        ({"endpoint": "https://me:hush@faces.example"}, "ENDPOINT: an address has a host"),
        ({"endpoint": "https://faces.example/?key=hush"}, "ENDPOINT: an address has a host"),
        ({"endpoint": "https://faces.example/?"}, "ENDPOINT: an address has a host"),
        ({"endpoint": "https://faces.example/#"}, "ENDPOINT: an address has a host"),
        ({"endpoint": " https://faces.example"}, "ENDPOINT"),
        ({"endpoint": "https://faces.example:hush"}, "ENDPOINT: it is no address"),
        ({"secrets": ""}, "SECRETS: a secret is needed"),
        ({"secrets": "hush"}, "SECRETS: a secret begins with whsec_"),
        ({"secrets": f"{SECRET} whsec_hush"}, "SECRETS: a secret has 24 to 64 bytes"),
        ({"modes": "hush"}, "MODES"),
        ({"timeout_seconds": "0"}, "TIMEOUT_SECONDS"),
        ({"key": "hush"}, "does not know ESCARD_FACE_OPTIONS__REMOTE__KEY"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(options: dict[str, str], words: str) -> None:
    with pytest.raises(LookupError) as refused:
        RemoteFaceProvider(MovableClock(), loopback_client(), OPTIONS | options)

    assert words in str(refused.value)
    assert "hush" not in str(refused.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(LookupError) as refused:
        RemoteFaceProvider(MovableClock(), loopback_client(), {})

    for option in ("ENDPOINT", "SECRETS"):
        assert f"needs ESCARD_FACE_OPTIONS__REMOTE__{option}" in str(refused.value)
