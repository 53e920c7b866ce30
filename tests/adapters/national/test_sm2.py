"""The national gateway signed to by SM2: each side with its own key, and nothing believed of anybody else's."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.national.envelopes import signed_text
from app.adapters.national.gateway import NationalGateway
from app.adapters.national.register import NationalRegister
from app.adapters.national.signing import Sm2Signer, public_key
from app.adapters.signer.openssl import OpenSslSigner
from app.core.clock import SystemClock
from app.core.settings import Settings
from app.main import chosen
from app.ports.register import RegisterUnavailable
from tests.factories.national import national_settings
from tests.factories.servers import loopback_client, serving
from tests.factories.sm2 import needs_openssl, new_key

NUMBER = "100101198506150031"
REQUEST = ("app_id", "request_no", "time", "method", "encryption", "content")
ANSWER = ("app_id", "request_no", "time", "method", "code", "encryption", "content")


class Sm2Gateway:
    """A gateway that knows nobody, and signs by SM2; `signs` is who signs for it."""

    def __init__(self, own: OpenSslSigner, escard: OpenSslSigner) -> None:
        self.own = self.signs = own
        self.escard = escard
        self.app = Starlette(routes=[Route("/", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        said = orjson.loads(await request.body())
        text = signed_text("request", *(said[name] for name in REQUEST))
        given = base64.b64decode(said["signature"])
        if said["signature_type"] != "SM2-SM3" or not await self.own.verify(self.escard.public_key, text, given):
            return Response(status_code=401)
        answer = said | {"code": "404", "content": ""}
        lines = signed_text("answer", *(answer[name] for name in ANSWER))
        signature = base64.b64encode(await self.signs.sign(lines)).decode()
        return Response(orjson.dumps(answer | {"signature": signature}), media_type="application/json")


@pytest.fixture
async def signers(tmp_path: Path) -> AsyncIterator[tuple[OpenSslSigner, OpenSslSigner]]:
    """Ours and theirs."""
    made = OpenSslSigner(new_key(tmp_path, "ours.pem")), OpenSslSigner(new_key(tmp_path, "theirs.pem"))
    yield made
    for each in made:
        await each.close()


@needs_openssl
async def test_each_side_signs_with_its_own_key_and_believes_the_others(
    signers: tuple[OpenSslSigner, OpenSslSigner],
) -> None:
    ours, theirs = signers
    there, key = Sm2Gateway(theirs, ours), base64.b64encode(theirs.public_key.der).decode()
    async with serving(there.app) as address, loopback_client() as client:
        settings = national_settings(f"{address}/", secrets="", sm2_key=key)
        gateway = NationalGateway(settings, SystemClock(), client, Sm2Signer(ours, public_key(key)))
        register = NationalRegister(gateway, SystemClock())

        assert await register.find(NUMBER) is None
        there.signs = ours
        with pytest.raises(RegisterUnavailable):
            await register.find(NUMBER)

        stranger = NationalGateway(settings, SystemClock(), client, Sm2Signer(theirs, public_key(key)))
        with pytest.raises(RegisterUnavailable):
            await NationalRegister(stranger, SystemClock()).find(NUMBER)


@needs_openssl
async def test_without_its_key_at_hand_nothing_is_asked(
    signers: tuple[OpenSslSigner, OpenSslSigner], tmp_path: Path
) -> None:
    ours, theirs = signers
    (tmp_path / "ours.pem").unlink()
    async with loopback_client() as client:
        settings = national_settings("http://127.0.0.1:9/", secrets="", sm2_key="set")
        gateway = NationalGateway(settings, SystemClock(), client, Sm2Signer(ours, theirs.public_key))

        with pytest.raises(RegisterUnavailable):
            await NationalRegister(gateway, SystemClock()).find(NUMBER)


@pytest.mark.parametrize("change", [{"secrets": "whsec_AAAA"}, {"secrets": "none"}, {"encryption_keys": "AAAA"}])
async def test_what_cannot_be_used_is_refused_at_the_start(change: dict[str, str]) -> None:
    settings = Settings().model_copy(update={"national_gateway": national_settings("http://127.0.0.1:9/", **change)})

    async with httpx.AsyncClient() as client:
        with pytest.raises(LookupError, match="settings of the national gateway") as refused:
            chosen.national_gateway(settings, SystemClock(), client, None)

    assert next(iter(change.values())) not in str(refused.value)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64", "MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAE"])
def test_a_key_that_is_no_point_of_sm2_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"SM2|base64|padding|characters|data"):
        public_key(text)
