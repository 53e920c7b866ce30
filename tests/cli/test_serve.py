"""`escard serve` and `escard worker`: started and stopped as a service manager does, refused in one line."""

import json
import secrets
import signal
import threading
import time
from collections.abc import Mapping

import httpx
import pytest

from tests import cluster
from tests.cli.commands import Escard, free_port


@pytest.fixture
def outside(database: cluster.Database) -> Mapping[str, str]:
    """The settings that name a database which is there already."""
    return {"database_url": database.app_url, "owner_database_url": database.owner_url}


class TestAServer:
    def test_starts_the_embedded_database_and_stops_it(self, settled: Escard) -> None:
        started = time.monotonic()
        running = settled.start("serve").ready('"ready"')
        took = time.monotonic() - started
        answer = httpx.get(f"{settled.url}/readyz")
        ended = running.interrupted()

        assert answer.json() == {"status": "ready"}
        assert "server" not in answer.headers
        assert took < 30  # on a machine that runs other tests meanwhile; 2.5 s is promised to a quiet one
        assert ended.status == 0
        assert running.processes == []

    def test_writes_one_json_line_an_event(self, with_keys: Escard, outside: Mapping[str, str]) -> None:
        running = with_keys.start("serve", **outside).ready('"ready"')
        httpx.get(f"{with_keys.url}/healthz?phone=13800138000")
        running.until(lambda: "/healthz" in running.complained, "no line")
        lines = [json.loads(line) for line in running.interrupted().complained.splitlines()]

        assert [line["event"] for line in lines] == ["ready", "request"]
        assert "13800138000" not in running.complained

    def test_that_stops_lets_go_of_those_who_wait(self, with_keys: Escard, outside: Mapping[str, str]) -> None:
        running = with_keys.start("serve", **outside).ready('"ready"')
        with httpx.Client(base_url=with_keys.url, timeout=30) as client:
            enrolment, headers = _open_an_enrolment(client)
            etag = client.get(enrolment, headers=headers).headers["etag"]
            waiting = headers | {"Prefer": "wait=20", "If-None-Match": etag}
            answers: list[httpx.Response] = []
            thread = threading.Thread(target=lambda: answers.append(client.get(enrolment, headers=waiting)))
            thread.start()
            time.sleep(0.5)
            started = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            thread.join()
            ended = running.ended()

        assert [answer.status_code for answer in answers] == [304]
        assert time.monotonic() - started < 18  # it would be 20
        assert ended.status == 0

    @pytest.mark.parametrize("verb", ["serve", "worker"])
    def test_needs_a_key_file(self, escard: Escard, verb: str) -> None:
        done = escard.do(verb)

        assert done.status == 1
        assert done.complained == (
            f"escard: There is no key file {escard.data_folder}/keys.json: make one with `escard keys init`.\n"
        )

    @pytest.mark.parametrize("verb", [["serve"], ["worker"], ["cases", "list"]])
    def test_needs_the_schema_of_this_version(self, with_keys: Escard, verb: list[str]) -> None:
        done = with_keys.do(*verb)

        assert done.status == 1
        assert done.complained.splitlines()[-1] == (
            "escard: The database's schema is not the one of this version: run `escard migrate` first."
        )

    def test_needs_a_database(self, with_keys: Escard) -> None:
        port = free_port()
        done = with_keys.do("serve", database_url=f"postgresql://somebody:S3cret-word@127.0.0.1:{port}/escard")

        assert done.status == 1
        assert done.complained.startswith(f"escard: The database at 127.0.0.1:{port} cannot be used: ")
        assert done.complained.count("\n") == 1
        assert "S3cret-word" not in done.complained

    def test_needs_an_address_that_is_one(self, with_keys: Escard) -> None:
        done = with_keys.do("serve", database_url="S3cret-word")

        assert (done.status, done.complained.count("\n")) == (1, 1)
        assert "S3cret-word" not in done.complained

    def test_needs_the_right_password(self, with_keys: Escard, database: cluster.Database) -> None:
        address = database.app_url.replace(":", ":S3cret-word", 2).replace("postgresql:S3cret-word", "postgresql:")
        done = with_keys.do("serve", database_url=address)

        assert (done.status, done.complained.count("\n")) == (1, 1)
        assert "password authentication failed" in done.complained
        assert "S3cret-word" not in done.complained

    def test_needs_a_face_provider_that_is_installed(self, with_keys: Escard, outside: Mapping[str, str]) -> None:
        done = with_keys.do("serve", face_providers="nobody", **outside)

        assert done.status == 1
        assert done.complained == "escard: no installed package offers a face provider named 'nobody'.\n"

    def test_needs_a_channel_that_is_there(self, with_keys: Escard, outside: Mapping[str, str]) -> None:
        done = with_keys.do("serve", channel="ap", **outside)

        assert (done.status, done.complained.count("\n")) == (1, 1)
        assert "ESCARD_CHANNEL is ap, and there is no such channel" in done.complained
        assert "`escard channels add ap`" in done.complained

    def test_says_that_its_channel_is_suspended(self, with_keys: Escard, outside: Mapping[str, str]) -> None:
        assert with_keys.do("channels", "suspend", "app", **outside).status == 0

        running = with_keys.start("serve", **outside).ready('"ready"')

        assert "channel_not_open" in running.interrupted().complained


class TestAWorker:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_stops_at_once(self, with_keys: Escard, outside: Mapping[str, str], number: signal.Signals) -> None:
        running = with_keys.start("worker", **outside).ready("working")
        started = time.monotonic()
        running.process.send_signal(number)
        ended = running.ended()

        assert ended.status == 0
        assert "stopped" in ended.complained
        assert time.monotonic() - started < 10

    def test_tells_what_the_server_has_left_to_tell(self, with_keys: Escard, outside: Mapping[str, str]) -> None:
        server = with_keys.start("serve", **outside).ready('"ready"')
        with httpx.Client(base_url=with_keys.url, timeout=30) as client:
            _open_an_enrolment(client)
            _sign_in_elsewhere(client)
            worker = with_keys.start("worker", **outside).ready("working")
            worker.until(lambda: "新设备" in client.get("/dev/messages").text, "nobody was told")

        assert worker.interrupted().status == 0
        assert server.interrupted().status == 0


def _open_an_enrolment(client: httpx.Client) -> tuple[str, dict[str, str]]:
    code = _code(client, "register")
    account = {"phone": _PHONE, "sms_code": code, "password": "correct horse", "device": _device("one")}
    opened = client.post("/v1/accounts", json=account, headers=_key())
    assert opened.status_code == 201, opened.text
    headers = {"Authorization": f"Bearer {opened.json()['tokens']['access_token']}"}
    enrolment = client.post("/v1/enrolments", json={"kind": "own_card"}, headers=headers | _key())
    assert enrolment.status_code == 201, enrolment.text
    return f"/v1/enrolments/{enrolment.json()['id']}", headers


def _sign_in_elsewhere(client: httpx.Client) -> None:
    session = {"phone": _PHONE, "password": "correct horse", "device": _device("two")}
    answer = client.post("/v1/sessions", json=session)
    assert answer.status_code == 201, answer.text


def _code(client: httpx.Client, purpose: str) -> str:
    assert client.post("/v1/sms-codes", json={"phone": _PHONE, "purpose": purpose}).status_code == 202
    code: str = client.get("/dev/messages", params={"phone": _PHONE}).json()["items"][0]["code"]
    return code


def _device(name: str) -> dict[str, str]:
    return {"id": f"device-{name}", "name": "A phone", "platform": "android"}


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


_PHONE = "10000000001"
