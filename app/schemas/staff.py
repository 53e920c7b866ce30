"""Wire shapes of offices and of staff."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints

from app.models.operators import Office, OfficeKind, OperatorRole
from app.schemas.base import Asked, Code, Short, Told
from app.services.operators.signing import Attempt, SignedIn


class OfficeRead(Told):
    """A place to go to."""

    id: str
    name: str
    kind: OfficeKind
    region: str = Field(description="What it serves (GB/T 2260); zeros at the end stand for all within")
    address: str
    hours: str
    phone: str

    @classmethod
    def of(cls, office: Office) -> Self:
        return cls(
            id=office.id,
            name=office.name,
            kind=office.kind,
            region=office.region,
            address=office.address,
            hours=office.hours,
            phone=office.phone,
        )


class StaffSessionAsk(Asked):
    """Both factors of one of the staff."""

    login: Short
    password: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    totp: Code

    def attempt(self, address: str) -> Attempt:
        return Attempt(self.login, self.password, self.totp, address)


class OperatorRead(Told):
    """Who of the staff it is."""

    id: str
    login: str
    role: OperatorRole
    office_id: str


class StaffSessionRead(Told):
    """A session of one of the staff: over after `expires_in` seconds, or after `idle_seconds` without a request."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int
    idle_seconds: int
    session_id: str
    operator: OperatorRead

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        staff = signed_in.staff
        return cls(
            access_token=signed_in.token,
            expires_in=signed_in.expires_in,
            idle_seconds=signed_in.idle_seconds,
            session_id=str(signed_in.session_id),
            operator=OperatorRead(id=str(staff.id), login=staff.login, role=staff.role, office_id=staff.office_id),
        )
