"""Re-keying forgets no column: every one of bytes says what they are, and what it says can be done."""

import pytest
from sqlalchemy import Column, DateTime, LargeBinary, Uuid

from app.models import Base
from app.models.base import PERSONAL, Digest, Plain, Sealed, Wrapped
from app.models.documents import EvidenceFile
from app.services import files
from app.services.rekeying import columns, digests

BYTES = [
    column for table in Base.metadata.sorted_tables for column in table.columns if isinstance(column.type, LargeBinary)
]
each = pytest.mark.parametrize("column", BYTES, ids=str)

# The sealed value that a digest is made anew from, and the table whose rows are gone through for that.
DERIVED_FROM = {"person.number": "person", "account.phone": "account", "register_person.record": "register_person"}


@each
def test_a_column_of_bytes_says_what_they_are(column: Column[bytes]) -> None:
    said = columns.said(column)

    assert isinstance(said, Sealed | Wrapped | Digest | Plain), f"{column}: info=held(…), as in app/models/base.py"
    assert not isinstance(said, Plain) or len(said.because) > 5
    assert not column.name.endswith("_hmac") or isinstance(said, Digest)
    assert column.name != "wrapped_key" or isinstance(said, Wrapped)


@each
def test_what_it_says_names_columns_of_its_table(column: Column[bytes]) -> None:
    said, table = columns.said(column), column.table

    if isinstance(said, Sealed):
        assert isinstance(table.c[said.row].type, Uuid)
        assert said.home is None or isinstance(table.c[said.home].type, Uuid)
        assert said.within is None or said.within in table.c
        assert (said.home is None) is (table.info != PERSONAL or table.name == "operator"), "whose key is it?"
    if isinstance(said, Digest) and said.since is not None:
        assert isinstance(table.c[said.since].type, DateTime)


@each
def test_every_digest_has_one_way_to_come_under_a_new_pepper(column: Column[bytes]) -> None:
    said = columns.said(column)

    if isinstance(said, Digest):
        ways = [way for way in (said.derived_from, said.gone_by, said.since) if way is not None]
        assert len(ways) == 1
        assert said.gone_by is None or isinstance(column.table.c[said.gone_by].type, DateTime)
        if said.derived_from is not None:
            assert said.kind is not None
            assert DERIVED_FROM[said.derived_from] in digests.DERIVED


def test_every_table_of_files_is_gone_through() -> None:
    assert set(files.TABLES) == {
        mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, EvidenceFile)
    }
