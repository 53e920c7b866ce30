"""`escard signer`: make the SM2 key, and show what others verify with."""

import base64
import textwrap

import typer

from app.adapters.signer.openssl import OpenSslSigner, SignerUnfit, make_key
from app.cli.configuration import read_settings
from app.cli.terminal import Refused, say

app = typer.Typer(name="signer", help="Make and show the SM2 key that this server signs with.", no_args_is_help=True)


@app.command("init")
def make_signer_key() -> None:
    """Make an SM2 key with the system's OpenSSL; one that is there is never touched."""
    path = read_settings().signer_key_path
    try:
        make_key(path)
    except SignerUnfit as error:
        raise Refused(f"{error}.") from None
    except FileExistsError:
        raise Refused(f"There is an SM2 key {path} already; channels verify with it, so it stays.") from None
    except OSError as error:
        raise Refused(f"The SM2 key {path} cannot be written: {error.strerror}.") from None
    say(f"Made {path}. With ESCARD_SIGNER=openssl it signs; `escard signer show` prints what channels verify with.")


@app.command("show")
def show_signer_key() -> None:
    """Print the public key in PEM, for the channels."""
    try:
        key = OpenSslSigner(read_settings().signer_key_path).public_key
    except SignerUnfit as error:
        raise Refused(f"{error}.") from None
    say("-----BEGIN PUBLIC KEY-----")
    for line in textwrap.wrap(base64.b64encode(key.der).decode(), 64):
        say(line)
    say("-----END PUBLIC KEY-----")
