"""Sealed values open where they were sealed and nowhere else; what must be found again is found by keyed digests."""

import base64
import json
import os
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.keys.file import FileKeys, KeyFileBroken
from app.core.sealing import Chain, DataKey, Lookup, Vault
from app.core.suites import Suite, SuiteKey
from app.ports.keys import KeysUnavailable, Purpose

KEYS = {suite: DataKey(bytes(32), suite) for suite in Suite}
KEY = KEYS[Suite.INTERNATIONAL]
ROW = uuid4()
quick = settings(deadline=None, database=None)


@given(st.text(), st.sampled_from(Suite), st.sampled_from(Suite))
@quick
def test_a_sealed_text_opens_in_its_place_whatever_suite_is_written_now(value: str, then: Suite, now: Suite) -> None:
    assert KEYS[now].open("person.name", ROW, KEYS[then].seal("person.name", ROW, value)) == value


def test_a_sealed_value_says_its_suite_first() -> None:
    marks = {suite: key.seal("person.name", ROW, "王志远")[0] for suite, key in KEYS.items()}

    assert marks == {Suite.INTERNATIONAL: 1, Suite.SM: 2}


def test_equal_texts_are_sealed_differently() -> None:
    assert KEY.seal("person.name", ROW, "王志远") != KEY.seal("person.name", ROW, "王志远")


@pytest.mark.parametrize("suite", Suite)
def test_a_value_cannot_be_moved_to_another_row_column_or_home(suite: Suite) -> None:
    here = KEYS[suite]
    sealed = here.seal("person.name", ROW, "王志远")

    for key, column, row in (
        (here, "person.name", uuid4()),
        (here, "person.number", ROW),
        (here, "card.name", ROW),
        (DataKey(os.urandom(32), suite), "person.name", ROW),
    ):
        with pytest.raises(InvalidTag):
            key.open(column, row, sealed)


@given(position=st.integers(0, 37), bit=st.integers(0, 7), suite=st.sampled_from(Suite))
@quick
def test_no_bit_of_it_can_be_changed(position: int, bit: int, suite: Suite) -> None:
    sealed = bytearray(KEYS[suite].seal("person.name", ROW, "王志远"))
    sealed[position] ^= 1 << bit

    with pytest.raises(InvalidTag):
        KEY.open("person.name", ROW, bytes(sealed))


@pytest.mark.parametrize("suite", Suite)
def test_what_is_cut_short_does_not_open(suite: Suite) -> None:
    sealed = KEYS[suite].seal("person.name", ROW, "王志远")

    for length in (0, 1, 13, 14, len(sealed) - 1):
        with pytest.raises((InvalidTag, ValueError)):
            KEY.open("person.name", ROW, sealed[:length])


class TestVault:
    @pytest.fixture(params=Suite)
    def ring(self, tmp_path: Path, request: pytest.FixtureRequest) -> FileKeys:
        return FileKeys.create(tmp_path / "keys.json", request.param)

    @pytest.mark.parametrize("now", Suite)
    async def test_a_wrapped_key_opens_again_in_another_process_under_whichever_suite(
        self, ring: FileKeys, now: Suite
    ) -> None:
        wrapped, key = await Vault(ring, ring.secret(Purpose.SYSTEM), Suite.SM).create()
        sealed = key.seal("person.name", ROW, "王志远")

        opened = await Vault(ring, ring.secret(Purpose.SYSTEM), now).unlock(wrapped)

        assert opened.open("person.name", ROW, sealed) == "王志远"
        assert KEYS[now].seal("person.name", ROW, "")[:1] == opened.seal("person.name", ROW, "")[:1]

    async def test_two_homes_have_two_keys(self, ring: FileKeys) -> None:
        vault = Vault(ring, ring.secret(Purpose.SYSTEM), Suite.SM)
        (_, one), (_, other) = await vault.create(), await vault.create()

        with pytest.raises(InvalidTag):
            other.open("person.name", ROW, one.seal("person.name", ROW, "王志远"))

    async def test_a_key_is_at_hand_once_it_was_opened(self, ring: FileKeys) -> None:
        wrapped, _ = await Vault(ring, ring.secret(Purpose.SYSTEM), Suite.SM).create()
        vault = Vault(ring, ring.secret(Purpose.SYSTEM), Suite.SM)

        before = vault.cached(wrapped)
        opened = await vault.unlock(wrapped)

        assert before is None
        assert vault.cached(wrapped) is opened

    async def test_it_keeps_so_many_at_hand_the_newest(self, ring: FileKeys) -> None:
        vault = Vault(ring, ring.secret(Purpose.SYSTEM), Suite.SM, most=2)

        made = [(await vault.create())[0] for _ in range(3)]

        assert [vault.cached(wrapped) is not None for wrapped in made] == [False, True, True]


class TestKeyRing:
    def rotated(self, path: Path, *, keep_old: bool) -> FileKeys:
        ring = json.loads(path.read_text())
        ring["wrapping"] = (ring["wrapping"] if keep_old else {}) | {
            "2": {"suite": "sm", "key": base64.b64encode(os.urandom(32)).decode()}
        }
        path.write_text(json.dumps(ring))
        return FileKeys.read(path)

    async def test_after_a_rotation_old_wrappings_open_and_new_ones_use_the_new_key(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        before = FileKeys.create(path, Suite.INTERNATIONAL)
        old = await before.wrap(b"k" * 32)
        after = self.rotated(path, keep_old=True)

        new = await after.wrap(b"k" * 32)

        assert (old[:2], new[:2]) == (b"\x00\x01", b"\x00\x02")
        assert await after.unwrap(old) == await after.unwrap(new) == b"k" * 32
        with pytest.raises(KeysUnavailable):
            await before.unwrap(new)

    async def test_a_wrapping_key_that_is_gone_is_missed(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        old = await FileKeys.create(path, Suite.INTERNATIONAL).wrap(b"k" * 32)

        with pytest.raises(KeysUnavailable):
            await self.rotated(path, keep_old=False).unwrap(old)

    async def test_a_wrapped_key_that_was_changed_does_not_open(self, tmp_path: Path) -> None:
        ring = FileKeys.create(tmp_path / "keys.json", Suite.INTERNATIONAL)
        wrapped = await ring.wrap(b"k" * 32)

        with pytest.raises(KeysUnavailable):
            await ring.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]))

    def test_every_purpose_has_a_secret_of_its_own(self, tmp_path: Path) -> None:
        ring = FileKeys.create(tmp_path / "keys.json", Suite.INTERNATIONAL)

        secrets = {ring.secret(purpose) for purpose in Purpose}

        assert len(secrets) == len(Purpose)
        assert {len(secret) for secret in secrets} == {32}

    def test_a_ring_is_made_once_and_for_its_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        FileKeys.create(path, Suite.INTERNATIONAL)

        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(FileExistsError):
            FileKeys.create(path, Suite.INTERNATIONAL)
        path.chmod(0o640)
        with pytest.raises(KeyFileBroken):
            FileKeys.read(path)

    def test_a_ring_made_for_a_suite_says_so_of_its_keys(self, tmp_path: Path) -> None:
        rings = {suite: FileKeys.create(tmp_path / suite, suite) for suite in Suite}

        for suite, ring in rings.items():
            assert [key.suite for key in (*ring.peppers().values(), *ring.wrapping.values())] == [suite, suite]
        for kind in ("root", "peppers", "wrapping"):
            assert '"suite"' not in json.dumps(json.loads((tmp_path / "international").read_text())[kind])

    def test_purposes_of_a_ring_made_for_sm_come_from_its_root_by_sm3(self, tmp_path: Path) -> None:
        ring = FileKeys.create(tmp_path / "keys.json", Suite.SM)
        root = base64.b64decode(json.loads((tmp_path / "keys.json").read_text())["root"]["key"])

        by_hand = HKDF(algorithm=SM3(), length=32, salt=None, info=b"audit").derive(root)

        assert ring.secret(Purpose.AUDIT) == by_hand

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{}",
            "[]",
            "null",
            '{"format": 2}',
            '{"format": 1, "root": "AAAA"}',
            '{"format": 1, "root": {"suite": "gost", "key": "AAAA"}}',
        ],
    )
    def test_a_file_that_is_no_ring_is_said_to_be_none(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "keys.json"
        path.write_text(content)
        path.chmod(0o600)

        with pytest.raises(KeyFileBroken):
            FileKeys.read(path)


class TestLookup:
    OLD = SuiteKey(Suite.INTERNATIONAL, b"old")
    LOOKUP = Lookup(b"routing", {1: OLD, 2: SuiteKey(Suite.INTERNATIONAL, b"new")})

    @pytest.mark.parametrize("suite", Suite)
    def test_the_newest_pepper_writes_and_all_are_read(self, suite: Suite) -> None:
        before = Lookup(b"routing", {1: self.OLD}).digest("phone", "13800001111")
        lookup = Lookup(b"routing", {1: self.OLD, 2: SuiteKey(suite, b"new")})

        assert lookup.version == 2
        assert lookup.digests("phone", "13800001111") == [lookup.digest("phone", "13800001111"), before]

    def test_one_pepper_gives_each_suite_digests_of_its_own(self) -> None:
        one, other = (Lookup(b"routing", {1: SuiteKey(suite, bytes(32))}).digest("phone", "1") for suite in Suite)

        assert len(one) == len(other) == 32
        assert one != other

    @pytest.mark.parametrize("suite", Suite)
    def test_a_rotation_moves_nobody_to_another_bucket(self, suite: Suite) -> None:
        rotated = Lookup(b"routing", {7: SuiteKey(suite, b"x")})

        # By SHA-256 for ever: what `openssl dgst -sha256 -hmac routing` says of "phone:13800001111" begins so.
        assert self.LOOKUP.bucket("phone", "13800001111") == rotated.bucket("phone", "13800001111") == 0x6C90

    def test_the_same_digits_of_two_kinds_are_two_values(self) -> None:
        assert self.LOOKUP.digest("phone", "1") != self.LOOKUP.digest("number", "1")
        assert self.LOOKUP.bucket("phone", "1") != self.LOOKUP.bucket("number", "1")

    def test_buckets_are_spread_over_their_whole_range(self) -> None:
        buckets = {self.LOOKUP.bucket("phone", str(number)) for number in range(2000)}

        assert min(buckets) < 200 < 65_000 < max(buckets) < 65_536
        assert len(buckets) > 1900


@pytest.mark.parametrize("suite", Suite)
def test_a_chain_remembers_what_came_before(suite: Suite) -> None:
    chain = Chain(b"key", suite)
    first = chain.mac(Chain.START, b"a")

    assert chain.mac(first, b"b") != chain.mac(Chain.START, b"b")
    assert chain.mac(first, b"b") != Chain(b"other", suite).mac(first, b"b")
    assert chain.mac(first, b"b") == chain.mac(chain.mac(Chain.START, b"a"), b"b")


def test_a_chain_holds_across_a_change_of_suite() -> None:
    before, after = Chain(b"key", Suite.INTERNATIONAL), Chain(b"key", Suite.SM)
    first = before.mac(Chain.START, b"a")
    second = after.mac(first, b"b")
    third = before.mac(second, b"c")

    for chain in (before, after):
        assert chain.holds(Chain.START, b"a", first)
        assert chain.holds(first, b"b", second)
        assert chain.holds(second, b"c", third)
        assert not chain.holds(first, b"c", third)
        assert not chain.holds(first, b"b", second[1:])
        assert not chain.holds(first, b"b", b"\x01" + second[1:])
    assert (len(first), len(second)) == (32, 33)
