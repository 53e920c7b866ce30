"""Rules of how long things are kept."""

from pydantic import Field

from app.services.rules.base import Rule


class Retention(Rule):
    """Days evidence is kept: faces from creation; documents after the decision, and at most from creation."""

    face_days: int
    document_days_after_decision: int
    document_days_at_most: int


class Statements(Rule):
    """Days the PDF file of a statement is kept, and days that its number is answered.

    No official text knows them; records of processing are kept three years (PIPL art. 56).
    """

    file_days: int = Field(gt=0)
    valid_days: int = Field(gt=0)


class Erasure(Rule):
    """Days that something lies: records after their end, at least; backups with the key of a closed account, at most.

    Records are what was agreed to, and the audit of whoever is still here; of a closed account, the audit lies so many
    days without a name. Records of processing are kept three years (PIPL art. 56), logs six months (Cybersecurity Law
    art. 21). `escard retention cut` deletes what is older.
    """

    record_days: int = Field(ge=1096)
    audit_days: int = Field(ge=183)
    backup_days: int
