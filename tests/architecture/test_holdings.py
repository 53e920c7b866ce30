"""Nothing is held in silence: every table of persons, and every column, is told, or it is said why not."""

import re

import pytest
from sqlalchemy import LargeBinary, Uuid

from app.models import Base
from app.models.base import PERSONAL
from app.models.documents import EvidenceFile
from app.services.privacy.holdings import HOLDINGS, LEFT_OUT, Fate, Holding

OF_PEOPLE = re.compile(r"(owner|member|holder|actor|person|operator|guardian)_id|on_behalf_of|\w+_by")
each = pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.name)


def test_every_table_of_persons_is_told_or_left_out_with_a_reason() -> None:
    personal = {table.name for table in Base.metadata.sorted_tables if table.info == PERSONAL}
    told = [holding.name for holding in HOLDINGS]
    left_out = [table.__tablename__ for table in LEFT_OUT]

    assert sorted(told + left_out) == sorted(personal), "a new table belongs into app/services/privacy/holdings.py"
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())


@each
def test_what_is_sealed_is_opened_masked_or_kept_secret(holding: Holding) -> None:
    told = holding.columns()

    sealed = [name for name, column in told.items() if isinstance(column.type, LargeBinary) and name != "sha256"]
    assert sealed == [], "bytes that nobody can read"


@each
def test_columns_that_are_named_are_there(holding: Holding) -> None:
    columns = set(holding.table.__table__.columns.keys())
    named = {holding.home, *holding.by, *holding.shown, *holding.shown.values(), *holding.masked}
    named |= {*holding.masked.values(), *holding.others, *holding.kept_secret}

    assert named <= columns


@each
def test_ids_of_other_people_are_not_told(holding: Holding) -> None:
    ids = {name for name, column in holding.columns().items() if isinstance(column.type, Uuid)}

    assert {name for name in ids if OF_PEOPLE.fullmatch(name)} <= set(holding.by), "whose id is it?"


@each
def test_what_is_kept_without_a_name_holds_nothing_sealed(holding: Holding) -> None:
    if holding.fate is Fate.RECORD:
        sealed = {column.name for column in holding.stored.columns if isinstance(column.type, LargeBinary)}

        assert sealed <= holding.emptied
        assert all(holding.stored.columns[name].nullable for name in holding.emptied)


@each
def test_what_stays_hangs_on_nothing_that_goes(holding: Holding) -> None:
    fates = {other.name: other.fate for other in HOLDINGS}

    if holding.fate is not Fate.DELETED:
        referred = {key.referred_table.name for key in holding.stored.foreign_key_constraints}
        assert {name for name in referred if fates.get(name) is Fate.DELETED} == set()


@each
def test_what_has_an_object_in_the_store_is_swept(holding: Holding) -> None:
    assert issubclass(holding.table, EvidenceFile) is (holding.fate is Fate.SWEPT)
