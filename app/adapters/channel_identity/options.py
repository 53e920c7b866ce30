"""Reads what a platform gives to a channel into its model; what is wrong with it is named, never shown."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.ports.channel_identity import IdentityOptionsNotTaken

_Options = TypeVar("_Options", bound=BaseModel)


def read_options(model: type[_Options], options: Mapping[str, str]) -> _Options:
    """Return the options as the platform's model has them.

    Raises:
        IdentityOptionsNotTaken: some are missing, wrong or unknown; its words name each, and no value.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, each['loc']))} ({each['type'].replace('_', ' ')})"
            for each in error.errors(include_url=False, include_input=False)
        ]
    raise IdentityOptionsNotTaken(f"What the platform gave cannot be taken: {', '.join(faults)}.")
