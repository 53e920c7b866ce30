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
    """Days that something of a closed account lies: records and audit, without a name, at least; backups, at most.

    Records of processing are kept three years (PIPL art. 56), logs six months (Cybersecurity Law art. 21).
    """

    record_days: int
    audit_days: int
    backup_days: int
