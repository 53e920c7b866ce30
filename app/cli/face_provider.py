"""`escard face-provider`: see whether a face provider keeps what all of them promise."""

from typing import Annotated

import typer

from app.cli.terminal import Refused

app = typer.Typer(name="face-provider", help="Check a face provider.", no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """Check a face provider."""


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="The provider's name, or module:attribute of its stage.")],
) -> None:
    """Run the conformance kit on the stage that the provider's package offers; the exit code says whether it passed."""
    try:
        from app.kit import plugin  # pytest is an extra that only this command needs
    except ModuleNotFoundError as error:
        raise Refused(f"The kit needs {error.name}: install escard[kit].") from None
    try:
        plugin.find_stage(name)
    except LookupError as error:
        raise Refused(f"{error.args[0]}.") from None
    raise typer.Exit(plugin.run(name))
