"""The paper of what is held on somebody: what people want to read, in their language; the rest is in the JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app import texts
from app.core.clock import SHANGHAI
from app.core.db import Database, Session
from app.ports.papers import Block, Facts, Mark, Paper, Papers, Section, Table, Words
from app.services import statements
from app.services.people.relationships import RELATIONSHIPS
from app.services.privacy.telling import ME, MyData

_MOST: Final = 200
_MOMENTS: Final = ("at", "since")
_FIRST: Final = ("person", "account")
_ABOUT: Final = ("name", "number", "birth_date", "phone")
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "device": ("name", "platform", "first_seen_at", "last_seen_at"),
    "session": ("device_name", "channel", "created_at", "ended_at"),
    "card_issue": ("channel", "issue_number", "issued_at"),
    "family_link": ("member_name", "relationship", "active_since", "ended_at"),
    "member_slot": ("owner_name", "relationship", "since"),
    "enrolment": ("kind", "member_name", "state", "created_at"),
    "consent": ("purpose", "notice_version", "language", "given_at", "withdrawn_at"),
    "transfer": ("insurance", "from_name", "to_name", "state", "created_at"),
    "card_order": ("state", "created_at"),
    "document": ("kind", "state", "created_at", "purge_at"),
    "face_check": ("purpose", "mode", "state", "started_at"),
    "notification": ("created_at", "text"),
    "audit_event": ("at", "action", "actor"),
}
_HEADS: Final = {("device", "name"): "device_name"}  # elsewhere a name is a person's
_STATES: Final = {"transfer": "transfer_states", "card_order": "card_order_states"}


@dataclass(frozen=True, slots=True)
class Written:
    """The paper as it is handed over, under a number that anybody can ask about."""

    content: bytes
    number: str


async def write(db: Database, papers: Papers, data: MyData, *, public_url: str, language: str) -> Written:
    """Draw the paper and vouch for it; it is kept nowhere.

    Raises:
        PapersBusy: it cannot be drawn just now.
    """
    number = statements.new_number()
    words = texts.my_data(language)
    mark = Mark(statements.printed(number), statements.address_of(public_url, number), words["mark"])
    sections = (_about(data, words), *(_section(data, name, words, language) for name in _COLUMNS))
    content = await papers.draw(Paper(words["title"], sections, foot=words["foot"], mark=mark))
    sha256 = bytes.fromhex(statements.Pdf.of(content).sha256)

    async def vouch(session: Session) -> None:
        await statements.vouch(session, number, sha256, session.now)

    await db.run(vouch)
    return Written(content, number)


def _about(data: MyData, words: Mapping[str, str]) -> Section:
    known = {name: value for table in _FIRST for row in data.rows(table) for name, value in row.items()}
    pairs = [(words[name], str(known[name])) for name in _ABOUT if known.get(name)]
    made_at = _in_china(data.at)
    return Section(words["about"], (Words(words["intro"]), Facts((*pairs, (words["made_at"], made_at)))))


def _section(data: MyData, name: str, words: Mapping[str, str], language: str) -> Section:
    columns = _COLUMNS[name]
    rows = sorted(data.rows(name), key=lambda row: _newest_first(row, columns), reverse=True)
    if not rows:
        return Section(words[name], (Words(words["nothing"]),))
    told = tuple(tuple(_cell(name, row, column, language) for column in columns) for row in rows[:_MOST])
    blocks: list[Block] = [Table(tuple(words[_HEADS.get((name, column), column)] for column in columns), told)]
    if len(rows) > _MOST:
        blocks.append(Words(words["newest"]))
    return Section(words[name], tuple(blocks))


def _newest_first(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    return str(next((row[column] for column in columns if column.endswith(_MOMENTS) and row.get(column)), ""))


def _cell(name: str, row: Mapping[str, Any], column: str, language: str) -> str:
    if column == "text":
        return texts.message(row["message"], language, **row["parameters"])
    value = row.get(column)
    if value is None:
        return ""
    if column.endswith(_MOMENTS) and isinstance(value, str):
        return _in_china(datetime.fromisoformat(value))
    return _in_words(name, column, str(value), language)


def _in_words(name: str, column: str, value: str, language: str) -> str:
    """Say a code as people call it, where it has a word for people."""
    match column:
        case "action":
            return texts.activity(value.replace(".", "_"), language)
        case "relationship" if value in RELATIONSHIPS:
            return str(getattr(RELATIONSHIPS[value], language[:2]))
        case "insurance":
            return texts.insurance(language)["insurances"].get(value, value)
        case "state" if name in _STATES:
            return texts.filing(_STATES[name], value, language)
        case "actor" if value == ME:
            return texts.my_data(language)["me"]
        case _:
            return value


def _in_china(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
