"""`escard keys`: make the key ring, and show what is in it without showing a key."""

from collections.abc import Mapping

import typer

from app.adapters.keys.file import FileKeys
from app.cli.configuration import read_keys, read_settings
from app.cli.terminal import Refused, say
from app.core.suites import SuiteKey
from app.ports.keys import Purpose

app = typer.Typer(name="keys", help="Make and show the key ring.", no_args_is_help=True)


@app.command("init")
def make_keys() -> None:
    """Make a key file with new secrets; one that is there is never touched."""
    settings = read_settings()
    path = settings.key_path
    try:
        FileKeys.create(path, settings.cipher_suite)
    except FileExistsError:
        raise Refused(
            f"There is a key file {path} already; without it nothing sealed can be opened, so it stays."
        ) from None
    except OSError as error:
        raise Refused(f"The key file {path} cannot be written: {error.strerror}.") from None
    say(f"Made {path}. Keep a copy in a safe place: what is sealed under it is lost without it.")


@app.command("show")
def show_keys() -> None:
    """Show which keys there are, by purpose and version; never a key."""
    settings = read_settings()
    keys = read_keys(settings)
    say(f"{settings.key_path}")
    say(f"  purposes: {', '.join(purpose.value for purpose in Purpose)}")
    say(f"  look-up peppers, newest first: {_versions(keys.peppers())}")
    say(f"  wrapping keys, newest first: {_versions(keys.wrapping)}")


def _versions(keys: Mapping[int, SuiteKey]) -> str:
    return ", ".join(f"{version} ({key.suite})" for version, key in sorted(keys.items(), reverse=True))
