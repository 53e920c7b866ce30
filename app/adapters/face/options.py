"""Reads the options of a face provider into its model; what is wrong with them is named, never shown."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_Options = TypeVar("_Options", bound=BaseModel)


def read_options(model: type[_Options], provider_name: str, options: Mapping[str, str]) -> _Options:
    """Return the options as the provider's model has them.

    A validator of the model that says why a value is wrong must not quote it.

    Raises:
        LookupError: some are missing, wrong or unknown; its words name the setting of each, and no value.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        faults = [_fault(provider_name, each) for each in error.errors(include_url=False, include_input=False)]
    raise LookupError(f"the face provider {provider_name} {'; '.join(faults)}")  # outside: the other error has values


def _fault(provider_name: str, error: ErrorDetails) -> str:
    setting = "__".join(["ESCARD_FACE_OPTIONS", provider_name, *map(str, error["loc"])]).upper()
    match error["type"]:
        case "missing":
            return f"needs {setting}"
        case "extra_forbidden":
            return f"does not know {setting}"
        case "value_error":
            return f"cannot read {setting}: {error['ctx']['error']}"
        case _:
            return f"cannot read {setting}: {error['msg']}"
