"""What is wrong with a face provider's options ends the start in words that name them and show nothing."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from app.adapters.face.options import read_options

SECRET = "aN8x-do-not-show"
GOOD = {"key": SECRET, "region": "north"}


class Options(BaseModel):
    """Options of an imaginary provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr
    region: Literal["north", "south"]
    seconds: int = 10

    @field_validator("key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value()) < 5:
            raise ValueError("a key has five characters or more")
        return key


def test_good_options_fill_the_model() -> None:
    options = read_options(Options, "acme", {**GOOD, "seconds": "20"})

    assert (options.key.get_secret_value(), options.region, options.seconds) == (SECRET, "north", 20)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"region": "north"}, "needs ESCARD_FACE_OPTIONS__ACME__KEY"),
        ({**GOOD, "colour": "blue"}, "does not know ESCARD_FACE_OPTIONS__ACME__COLOUR"),
        ({**GOOD, "region": "west"}, "cannot read ESCARD_FACE_OPTIONS__ACME__REGION: Input should be 'north' or"),
        ({**GOOD, "seconds": "soon"}, "cannot read ESCARD_FACE_OPTIONS__ACME__SECONDS"),
        ({**GOOD, "key": "zZ9"}, "cannot read ESCARD_FACE_OPTIONS__ACME__KEY: a key has five characters or more"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(given: dict[str, str], words: str) -> None:
    with pytest.raises(LookupError) as raised:
        read_options(Options, "acme", given)

    assert words in str(raised.value)
    assert not any(value in str(raised.value) for value in (SECRET, "zZ9", "west", "soon", "blue"))
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(LookupError) as raised:
        read_options(Options, "acme", {"colour": "blue"})

    settings = ("KEY", "REGION", "COLOUR")
    assert all(f"ESCARD_FACE_OPTIONS__ACME__{name}" in str(raised.value) for name in settings)
