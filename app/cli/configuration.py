"""Reads settings, key ring and port for a command; what is wrong with them is told in one line."""

import errno
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from logging import WARNING, getLogger
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from app.adapters.keys.file import FileKeys, KeyFileBroken
from app.cli.terminal import Refused, complain
from app.core import logging
from app.core.settings import Settings
from app.core.settings.groups import GatewaySettings, NationalGatewaySettings, S3Settings

_PREFIX: Final = "ESCARD_"
_NESTED: Final[Mapping[str, type[BaseModel]]] = {
    "s3": S3Settings,
    "national_gateway": NationalGatewaySettings,
    "certifications_gateway": GatewaySettings,
    "card_orders_gateway": GatewaySettings,
    "transfers_gateway": GatewaySettings,
    "insurance_human_resources": GatewaySettings,
    "insurance_healthcare_security": GatewaySettings,
    "messages_gateway": GatewaySettings,
    "push_gateway": GatewaySettings,
}


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Go through every setting: its name in the environment and what it is."""
    for name, field in Settings.model_fields.items():
        if name in _NESTED:
            for inner, part in _NESTED[name].model_fields.items():
                yield _environment_name(name, inner), part
        else:
            yield _environment_name(name), field


def read_settings(*, host: str | None = None, port: int | None = None) -> Settings:
    """Read the settings from the environment; `host` and `port` of the command line come first.

    Raises:
        Refused: one is wrong, or they do not go together.
    """
    known = {name for name, _ in fields()}
    for name in sorted(name for name in os.environ if name.startswith(_PREFIX) and _setting(name) not in known):
        complain(f"{name} is no setting and has no effect; `escard settings` lists all there are.")
    given: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise Refused(
            "; ".join(_fault(each) for each in error.errors(include_url=False, include_input=False))
        ) from None
    except SettingsError as error:  # its text names the field, never the value
        field = re.search(r'"(\w+)"', str(error))
        raise Refused(f"{_environment_name(field[1] if field else '…')} must be a JSON list.") from None
    if {"host", "port"} & settings.model_fields_set and "public_url" not in settings.model_fields_set:
        return settings.model_copy(update={"public_url": address(settings)})
    return settings


def start_logging(settings: Settings) -> None:
    """Send one JSON line an event to the error stream; libraries speak up only when something is wrong."""
    logging.configure(settings.log_level, sys.stderr)
    if settings.log_level != "debug":
        for library in ("alembic", "uvicorn"):
            getLogger(library).setLevel(WARNING)


def address(settings: Settings) -> str:
    """Return the address at which this machine reaches the server."""
    host = settings.host
    try:
        number = ip_address(host)
    except ValueError:
        return f"http://{host}:{settings.port}"
    if number.is_unspecified:
        host = "127.0.0.1"
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def read_keys(settings: Settings) -> FileKeys:
    """Read the key ring.

    Raises:
        Refused: there is none, or it is not one to be used.
    """
    try:
        return FileKeys.read(settings.key_path)
    except FileNotFoundError:
        raise Refused(f"There is no key file {settings.key_path}: make one with `escard keys init`.") from None
    except KeyFileBroken as error:
        raise Refused(f"{error}.") from None
    except OSError as error:
        raise Refused(f"The key file {settings.key_path} cannot be read: {error.strerror}.") from None


def listen(settings: Settings) -> socket.socket:
    """Open the port of the server.

    Raises:
        Refused: somebody else has it, or it is not ours to have.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        return socket.create_server(place[:2], family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Refused(
                f"Port {settings.port} on {settings.host} is taken by {_who_answers(settings)}; "
                "choose another with --port or ESCARD_PORT (ESCARD_PORT=8001 make run)."
            ) from None
        raise Refused(f"Cannot listen on {settings.host}, port {settings.port}: {error.strerror}.") from None


def _who_answers(settings: Settings) -> str:
    """Say who has the port: an escard that runs already, or somebody else."""
    connection = HTTPConnection(urlsplit(address(settings)).hostname or settings.host, settings.port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        is_ours = connection.getresponse().read(100) == b'{"status":"ok"}'
    except (OSError, HTTPException):
        is_ours = False
    finally:
        connection.close()
    return "an escard that runs already" if is_ours else "another program"


def _setting(name: str) -> str:
    """Return which setting a name of the environment is about: what providers need is told under names of their own."""
    options = _environment_name("face_options")
    return options if name.startswith(f"{options}__") else name


def _environment_name(*path: str) -> str:
    return _PREFIX + "__".join(path).upper()


def _fault(error: ErrorDetails) -> str:
    words = error["msg"].removeprefix("Value error, ")
    return f"{_environment_name(*map(str, error['loc']))}: {words}" if error["loc"] else words
