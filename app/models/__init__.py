"""Tables and the invariants they hold."""

from app.models import (
    accounts,
    answers,
    audit,
    cards,
    cases,
    documents,
    enrolments,
    faces,
    handovers,
    links,
    notifications,
    operators,
    outbox,
    people,
    policies,
    stand_ins,
    throttles,
)
from app.models.base import Base

__all__ = [
    "Base",
    "accounts",
    "answers",
    "audit",
    "cards",
    "cases",
    "documents",
    "enrolments",
    "faces",
    "handovers",
    "links",
    "notifications",
    "operators",
    "outbox",
    "people",
    "policies",
    "stand_ins",
    "throttles",
]
