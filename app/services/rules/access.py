"""Rules of signing in: codes, tries, sessions of staff."""

from app.services.rules.base import Rule


class SmsCodes(Rule):
    """Codes by SMS: life, tries, pause, and how many a phone gets."""

    minutes: int
    tries: int
    resend_seconds: int
    an_hour: int
    a_day: int


class SignIn(Rule):
    """Wrong sign-ins for a phone, on devices not seen before and on a known one."""

    tries: int
    minutes: int


class Staff(Rule):
    """Wrong sign-ins of staff, and how long a session of theirs lasts: unused, and at most."""

    tries: int
    tries_minutes: int
    idle_minutes: int
    session_hours: int
