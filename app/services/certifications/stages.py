"""Where time leads somebody who has to be certified: nothing but days, and what the authority has said."""

from datetime import date, timedelta

from app.models.certifications import Standing
from app.ports.certifications import Entitlement, PaymentState
from app.services.rules.filing import Certifications


def due_on(entitlement: Entitlement, rules: Certifications) -> date | None:
    """Return the last day on which the next certification is in time; None where there is nothing to certify.

    It is the authority's to say; where it does not, twelve months (policy) after the last one.
    """
    if not entitlement.benefits:
        return None
    if entitlement.due_on is not None or entitlement.certified_on is None:
        return entitlement.due_on
    return valid_until(entitlement.certified_on, rules)


def valid_until(certified_on: date, rules: Certifications) -> date:
    """Return until when a certification of a day is good: the same day so many months later, or the month's last."""
    months = certified_on.month - 1 + rules.months
    year, month = certified_on.year + months // 12, months % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(certified_on.day, last))


def at(entitlement: Entitlement, day: date, rules: Certifications) -> Standing:
    """Return where somebody stands on a day, as far as days and the authority decide that."""
    until = due_on(entitlement, rules)
    if until is None:
        return Standing.NOT_DUE
    payments = {benefit.payment for benefit in entitlement.benefits}
    left = (until - day).days
    if left < 0:
        is_suspended = PaymentState.SUSPENDED in payments or -left > rules.lapse_days
        return Standing.SUSPENDED if is_suspended else Standing.DUE
    if left <= rules.soon_days:
        return Standing.DUE if left <= rules.due_days else Standing.DUE_SOON
    return certified(entitlement)


def certified(entitlement: Entitlement) -> Standing:
    """Return where somebody stands whose certification counts for long yet."""
    if PaymentState.RESTORED in {benefit.payment for benefit in entitlement.benefits}:
        return Standing.RESTORED
    return Standing.NOT_DUE if entitlement.certified_on is None else Standing.PASSED
