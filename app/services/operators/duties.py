"""What each of the staff may do, by role and kind of office: least privilege, as one table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from app.core.errors import Denied, NextStep
from app.models.operators import OfficeKind, OperatorRole
from app.services.operators.sessions import RoleNeeded, Staff


class NotAtThisOffice(Denied):
    """This is the work of offices of another kind."""

    code = "not-at-this-office"
    leads_to = NextStep("see-offices", "/v1/offices")


class Duty(StrEnum):
    """One kind of work: each is allowed by itself."""

    DECIDE_CASES = "decide_cases"
    REVIEW_LOOKS = "review_looks"
    LOOK_UP = "look_up"
    BREAK_GLASS = "break_glass"
    BIND_SHARING = "bind_sharing"
    ENROL = "enrol"
    END_LINKS = "end_links"
    DISPUTE_LINKS = "dispute_links"
    UNLOCK_PASSWORDS = "unlock_passwords"
    ATTEST_IDENTITY = "attest_identity"


_REVIEWER: Final = frozenset({Duty.DECIDE_CASES, Duty.REVIEW_LOOKS})
_CLERK_OF_A_HOSPITAL: Final = frozenset({Duty.LOOK_UP, Duty.BREAK_GLASS, Duty.BIND_SHARING})
_CLERK_OF_A_BRANCH: Final = frozenset(
    {
        *_CLERK_OF_A_HOSPITAL,
        Duty.ENROL,
        Duty.END_LINKS,
        Duty.DISPUTE_LINKS,
        Duty.UNLOCK_PASSWORDS,
        Duty.ATTEST_IDENTITY,
    }
)

DUTIES: Final[Mapping[tuple[OperatorRole, OfficeKind], frozenset[Duty]]] = {
    (OperatorRole.REVIEWER, OfficeKind.DISTRICT_BRANCH): _REVIEWER,
    (OperatorRole.REVIEWER, OfficeKind.HOSPITAL): frozenset(),
    (OperatorRole.CLERK, OfficeKind.DISTRICT_BRANCH): _CLERK_OF_A_BRANCH,
    (OperatorRole.CLERK, OfficeKind.HOSPITAL): _CLERK_OF_A_HOSPITAL,
}
"""The whole of it; what does not stand here is refused."""


def require(staff: Staff, duty: Duty) -> None:
    """Check that some work is one of somebody's duties.

    Raises:
        RoleNeeded: it is others'.
        NotAtThisOffice: it is theirs at an office of another kind.
    """
    if duty in DUTIES[staff.role, staff.office_kind]:
        return
    elsewhere = any(duty in DUTIES[staff.role, kind] for kind in OfficeKind)
    raise NotAtThisOffice if elsewhere else RoleNeeded
