"""The promises of every object store, kept by a folder and by S3; then what only one of them can break."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from app.adapters.storage.objects import FolderObjects, S3Objects
from app.core.errors import Unavailable
from app.ports.storage import ObjectExists, ObjectMissing, ObjectStore, StorageUnavailable, StoredObject

_NO_KEYS = [
    "",
    "/",
    "/documents/a",
    "documents/a/",
    "documents//a",
    "../a",
    "documents/../../a",
    "documents/./a",
    "documents/.hidden",
    "documents/a#1",
    "documents/A",
    "documents/a b",
    "documents\\a",
    "documents/a\x00",
    "documents/a\n",
    "文件/a",
    "%2e%2e/a",
    "a" * 513,
]


def s3(endpoint: str, *, bucket: str = "evidence", timeout_seconds: float = 10) -> S3Objects:
    return S3Objects(
        bucket=bucket,
        region="cn-north-1",
        endpoint=endpoint,
        access_key_id="key-of-the-test",
        secret_access_key="secret-of-the-test",
        timeout_seconds=timeout_seconds,
    )


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str) -> str:
    """The address of a server with one empty bucket, `evidence`."""
    httpx.post(f"{s3_server}/moto-api/reset").raise_for_status()
    httpx.put(f"{s3_server}/evidence").raise_for_status()
    return s3_server


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderObjects(tmp_path / "objects")
    return s3(request.getfixturevalue("bucket"))


async def listed(store: ObjectStore, prefix: str) -> dict[str, StoredObject]:
    return {found.key: found async for found in store.list(prefix)}


class TestEveryStore:
    @pytest.mark.parametrize("content", [b"sealed", b"", bytes(6 * 1024 * 1024)], ids=["small", "empty", "6 MiB"])
    async def test_what_was_put_is_got(self, store: ObjectStore, content: bytes) -> None:
        await store.put("documents/3f/7c01.bin", content)

        assert await store.get("documents/3f/7c01.bin") == content
        assert await store.exists("documents/3f/7c01.bin")

    async def test_a_key_is_written_once(self, store: ObjectStore) -> None:
        await store.put("documents/a", b"first")

        with pytest.raises(ObjectExists):
            await store.put("documents/a", b"second")

        assert await store.get("documents/a") == b"first"

    async def test_of_many_who_put_the_same_key_one_succeeds(self, store: ObjectStore) -> None:
        contents = [bytes([number]) * 1000 for number in range(20)]

        outcomes = await asyncio.gather(
            *(store.put("documents/a", content) for content in contents), return_exceptions=True
        )

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["ObjectExists"] * 19
        assert await store.get("documents/a") == contents[outcomes.index(None)]

    async def test_what_is_missing_is_called_missing(self, store: ObjectStore) -> None:
        await store.put("documents/a/b", b"sealed")

        assert not await store.exists("documents/a/c")
        assert not await store.exists("documents/a")
        for key in ("documents/a/c", "documents/a", "elsewhere"):
            with pytest.raises(ObjectMissing):
                await store.get(key)

    async def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, store: ObjectStore) -> None:
        await store.put("documents/a", b"sealed")

        await store.delete("documents/a")
        await store.delete("documents/a")
        await store.delete("never/there")

        assert not await store.exists("documents/a")
        assert await listed(store, "") == {}

    async def test_a_key_may_be_used_again_after_its_object_is_gone(self, store: ObjectStore) -> None:
        await store.put("documents/a", b"first")
        await store.delete("documents/a")
        await store.put("documents/a", b"second")

        assert await store.get("documents/a") == b"second"

    async def test_a_listing_tells_key_size_and_time(self, store: ObjectStore) -> None:
        await store.put("documents/a", b"sealed")

        found = await listed(store, "documents")

        assert found["documents/a"].size_bytes == 6
        assert found["documents/a"].modified_at.tzinfo is not None
        assert abs(datetime.now(UTC) - found["documents/a"].modified_at) < timedelta(minutes=1)

    async def test_a_listing_goes_by_whole_segments(self, store: ObjectStore) -> None:
        for key in ("documents/a/1", "documents/a/2", "documents/ab", "faces/a"):
            await store.put(key, b"sealed")

        assert set(await listed(store, "documents/a")) == {"documents/a/1", "documents/a/2"}
        assert set(await listed(store, "documents")) == {"documents/a/1", "documents/a/2", "documents/ab"}
        assert len(await listed(store, "")) == 4
        assert await listed(store, "nothing") == {}

    async def test_a_long_listing_is_complete(self, store: ObjectStore) -> None:
        keys = {f"documents/{number:03}" for number in range(130)}
        await asyncio.gather(*(store.put(key, b"x") for key in keys))

        assert set(await listed(store, "documents")) == keys

    @pytest.mark.parametrize("key", _NO_KEYS)
    async def test_what_is_no_key_is_refused_by_every_method(self, store: ObjectStore, key: str) -> None:
        for call in (store.put(key, b"x"), store.get(key), store.delete(key), store.exists(key)):
            with pytest.raises(ValueError, match="not an object key"):
                await call
        if key:
            with pytest.raises(ValueError, match="not an object key"):
                await listed(store, key)

    async def test_a_store_in_order_is_ready(self, store: ObjectStore) -> None:
        await store.check()


async def nothing_works(store: ObjectStore) -> None:
    """No method may call an object missing, gone or stored when the store itself is not there."""
    for call in (
        store.put("documents/a", b"x"),
        store.get("documents/a"),
        store.delete("documents/a"),
        store.exists("documents/a"),
        listed(store, "documents"),
        store.check(),
    ):
        with pytest.raises(StorageUnavailable) as unavailable:
            await call
        assert isinstance(unavailable.value, Unavailable)
        assert unavailable.value.code == "storage-unavailable"


class TestFolder:
    @pytest.fixture(autouse=True)
    def _usual_umask(self) -> Iterator[None]:
        before = os.umask(0o022)
        yield
        os.umask(before)

    async def test_nobody_else_may_look_into_it(self, tmp_path: Path) -> None:
        folder = tmp_path / "objects"
        folder.mkdir(mode=0o755)
        store = FolderObjects(folder)

        await store.put("documents/3f/7c01.bin", b"sealed")

        modes = {
            path.relative_to(tmp_path).as_posix(): oct(stat.S_IMODE(path.stat().st_mode))
            for path in (folder, *folder.rglob("*"))
        }
        assert modes == {
            "objects": "0o700",
            "objects/documents": "0o700",
            "objects/documents/3f": "0o700",
            "objects/documents/3f/7c01.bin": "0o600",
        }

    async def test_another_store_over_the_same_folder_finds_everything(self, tmp_path: Path) -> None:
        await FolderObjects(tmp_path / "objects").put("documents/a", b"sealed")

        assert await FolderObjects(tmp_path / "objects").get("documents/a") == b"sealed"

    async def test_deleting_takes_the_remains_of_an_interrupted_put_along(self, tmp_path: Path) -> None:
        store = FolderObjects(tmp_path)
        await store.put("documents/a", b"sealed")
        await store.put("documents/ab", b"sealed")
        (tmp_path / "documents" / "a#1").write_bytes(b"half")
        (tmp_path / "documents" / "ab#1").write_bytes(b"half")

        await store.delete("documents/a")

        assert sorted(path.name for path in (tmp_path / "documents").iterdir()) == ["ab", "ab#1"]

    async def test_remains_are_swept_when_there_was_no_object(self, tmp_path: Path) -> None:
        store = FolderObjects(tmp_path)
        await store.put("documents/b", b"sealed")
        (tmp_path / "documents" / "a#1").write_bytes(b"half")

        await store.delete("documents/a")

        assert [path.name for path in (tmp_path / "documents").iterdir()] == ["b"]

    async def test_a_folder_that_went_away_is_not_called_empty(self, tmp_path: Path) -> None:
        store = FolderObjects(tmp_path / "objects")
        (tmp_path / "objects").rmdir()

        await nothing_works(store)

    def test_a_folder_that_cannot_be_made_is_reported(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")

        with pytest.raises(StorageUnavailable):
            FolderObjects(tmp_path / "file")

    async def test_a_file_where_a_folder_should_be_is_reported(self, tmp_path: Path) -> None:
        store = FolderObjects(tmp_path)
        await store.put("documents", b"sealed")

        with pytest.raises(StorageUnavailable):
            await store.put("documents/a", b"sealed")


_SHORT_PROGRAM = """
import asyncio, sys
from pathlib import Path
from app.adapters.storage.objects import FolderObjects

asyncio.run(FolderObjects(Path(sys.argv[1])).put(sys.argv[2], b"sealed"))
"""


class TestEndings:
    def test_a_program_that_ends_right_after_an_answer_ends_well(self, tmp_path: Path) -> None:
        # obstore's own asyncio methods abort four programs in ten.
        for number in range(6):
            subprocess.run([sys.executable, "-c", _SHORT_PROGRAM, tmp_path, f"documents/{number}"], check=True)


class TestS3:
    async def test_a_bucket_that_is_missing_is_not_called_empty(self, bucket: str) -> None:
        await nothing_works(s3(bucket, bucket="elsewhere"))

    async def test_a_server_that_is_down_is_reported_soon(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

        await nothing_works(s3(f"http://127.0.0.1:{port}", timeout_seconds=2))

    async def test_a_server_that_says_nothing_is_given_up_in_time(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            store = s3(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.4)

            async with asyncio.timeout(6):
                await nothing_works(store)

    async def test_a_server_that_answers_nonsense_is_reported(self, s3_server: str) -> None:
        await nothing_works(s3(f"{s3_server}/moto-api"))

    async def test_only_the_settings_name_the_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", "from-the-environment")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
        asked = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(StorageUnavailable):
                await s3(f"http://127.0.0.1:{port}").check()

        assert b"Credential=key-of-the-test/" in asked[0]
        assert b"from-the-environment" not in asked[0]
