"""Sealed values open where they were sealed and nowhere else; what must be found again is found by keyed digests."""

import base64
import json
import os
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.keys.file import FileKeys, KeyFileBroken
from app.core.sealing import Chain, DataKey, Lookup, Vault
from app.ports.keys import KeysUnavailable, Purpose

KEY = DataKey(bytes(32))
ROW = uuid4()
quick = settings(deadline=None, database=None)


@given(st.text())
@quick
def test_a_sealed_text_opens_in_its_place(value: str) -> None:
    assert KEY.open("person.name", ROW, KEY.seal("person.name", ROW, value)) == value


def test_equal_texts_are_sealed_differently() -> None:
    assert KEY.seal("person.name", ROW, "王志远") != KEY.seal("person.name", ROW, "王志远")


def test_a_value_cannot_be_moved_to_another_row_column_or_home() -> None:
    sealed = KEY.seal("person.name", ROW, "王志远")

    for key, column, row in (
        (KEY, "person.name", uuid4()),
        (KEY, "person.number", ROW),
        (KEY, "card.name", ROW),
        (DataKey(os.urandom(32)), "person.name", ROW),
    ):
        with pytest.raises(InvalidTag):
            key.open(column, row, sealed)


@given(position=st.integers(min_value=1, max_value=37), bit=st.integers(min_value=0, max_value=7))
@quick
def test_no_bit_of_it_can_be_changed(position: int, bit: int) -> None:
    sealed = bytearray(KEY.seal("person.name", ROW, "王志远"))
    sealed[position] ^= 1 << bit

    with pytest.raises(InvalidTag):
        KEY.open("person.name", ROW, bytes(sealed))


def test_what_is_cut_short_does_not_open() -> None:
    sealed = KEY.seal("person.name", ROW, "王志远")

    for length in (1, 13, 14, len(sealed) - 1):
        with pytest.raises((InvalidTag, ValueError)):
            KEY.open("person.name", ROW, sealed[:length])


class TestVault:
    @pytest.fixture
    def ring(self, tmp_path: Path) -> FileKeys:
        return FileKeys.create(tmp_path / "keys.json")

    async def test_a_wrapped_key_opens_again_in_another_process(self, ring: FileKeys) -> None:
        wrapped, key = await Vault(ring, ring.secret(Purpose.SYSTEM)).create()
        sealed = key.seal("person.name", ROW, "王志远")

        opened = await Vault(ring, ring.secret(Purpose.SYSTEM)).unlock(wrapped)

        assert opened.open("person.name", ROW, sealed) == "王志远"

    async def test_two_homes_have_two_keys(self, ring: FileKeys) -> None:
        vault = Vault(ring, ring.secret(Purpose.SYSTEM))
        (_, one), (_, other) = await vault.create(), await vault.create()

        with pytest.raises(InvalidTag):
            other.open("person.name", ROW, one.seal("person.name", ROW, "王志远"))

    async def test_a_key_is_at_hand_once_it_was_opened(self, ring: FileKeys) -> None:
        wrapped, _ = await Vault(ring, ring.secret(Purpose.SYSTEM)).create()
        vault = Vault(ring, ring.secret(Purpose.SYSTEM))

        before = vault.cached(wrapped)
        opened = await vault.unlock(wrapped)

        assert before is None
        assert vault.cached(wrapped) is opened

    async def test_it_keeps_so_many_at_hand_the_newest(self, ring: FileKeys) -> None:
        vault = Vault(ring, ring.secret(Purpose.SYSTEM), most=2)

        made = [(await vault.create())[0] for _ in range(3)]

        assert [vault.cached(wrapped) is not None for wrapped in made] == [False, True, True]


class TestKeyRing:
    def rotated(self, path: Path, *, keep_old: bool) -> FileKeys:
        ring = json.loads(path.read_text())
        ring["wrapping"] = (ring["wrapping"] if keep_old else {}) | {"2": base64.b64encode(os.urandom(32)).decode()}
        path.write_text(json.dumps(ring))
        return FileKeys.read(path)

    async def test_after_a_rotation_old_wrappings_open_and_new_ones_use_the_new_key(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        before = FileKeys.create(path)
        old = await before.wrap(b"k" * 32)
        after = self.rotated(path, keep_old=True)

        new = await after.wrap(b"k" * 32)

        assert (old[:2], new[:2]) == (b"\x00\x01", b"\x00\x02")
        assert await after.unwrap(old) == await after.unwrap(new) == b"k" * 32
        with pytest.raises(KeysUnavailable):
            await before.unwrap(new)

    async def test_a_wrapping_key_that_is_gone_is_missed(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        old = await FileKeys.create(path).wrap(b"k" * 32)

        with pytest.raises(KeysUnavailable):
            await self.rotated(path, keep_old=False).unwrap(old)

    async def test_a_wrapped_key_that_was_changed_does_not_open(self, tmp_path: Path) -> None:
        ring = FileKeys.create(tmp_path / "keys.json")
        wrapped = await ring.wrap(b"k" * 32)

        with pytest.raises(KeysUnavailable):
            await ring.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]))

    def test_every_purpose_has_a_secret_of_its_own(self, tmp_path: Path) -> None:
        ring = FileKeys.create(tmp_path / "keys.json")

        secrets = {ring.secret(purpose) for purpose in Purpose}

        assert len(secrets) == len(Purpose)
        assert {len(secret) for secret in secrets} == {32}

    def test_a_ring_is_made_once_and_for_its_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        FileKeys.create(path)

        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(FileExistsError):
            FileKeys.create(path)
        path.chmod(0o640)
        with pytest.raises(KeyFileBroken):
            FileKeys.read(path)

    @pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"format": 2}', '{"format": 1, "root": "AAAA"}'])
    def test_a_file_that_is_no_ring_is_said_to_be_none(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "keys.json"
        path.write_text(content)
        path.chmod(0o600)

        with pytest.raises(KeyFileBroken):
            FileKeys.read(path)


class TestLookup:
    LOOKUP = Lookup(b"routing", {1: b"old", 2: b"new"})

    def test_the_newest_pepper_writes_and_all_are_read(self) -> None:
        before = Lookup(b"routing", {1: b"old"}).digest("phone", "13800001111")

        assert self.LOOKUP.version == 2
        assert self.LOOKUP.digests("phone", "13800001111") == [self.LOOKUP.digest("phone", "13800001111"), before]

    def test_a_rotation_moves_nobody_to_another_bucket(self) -> None:
        assert self.LOOKUP.bucket("phone", "13800001111") == Lookup(b"routing", {7: b"x"}).bucket(
            "phone", "13800001111"
        )

    def test_the_same_digits_of_two_kinds_are_two_values(self) -> None:
        assert self.LOOKUP.digest("phone", "1") != self.LOOKUP.digest("number", "1")
        assert self.LOOKUP.bucket("phone", "1") != self.LOOKUP.bucket("number", "1")

    def test_buckets_are_spread_over_their_whole_range(self) -> None:
        buckets = {self.LOOKUP.bucket("phone", str(number)) for number in range(2000)}

        assert min(buckets) < 200 < 65_000 < max(buckets) < 65_536
        assert len(buckets) > 1900


def test_a_chain_remembers_what_came_before() -> None:
    chain = Chain(b"key")
    first = chain.mac(Chain.START, b"a")

    assert chain.mac(first, b"b") != chain.mac(Chain.START, b"b")
    assert chain.mac(first, b"b") != Chain(b"other").mac(first, b"b")
    assert chain.mac(first, b"b") == chain.mac(chain.mac(Chain.START, b"a"), b"b")
