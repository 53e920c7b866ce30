"""Wire shapes of accounts, sign-in, sessions and devices."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.models.accounts import Assurance, Device, SignedIn, SmsPurpose
from app.schemas.base import Asked, Code, Moment, Short, Told
from app.services.accounts.codes import Sent
from app.services.accounts.sessions import DeviceInfo, Tokens

Phone = Annotated[str, StringConstraints(min_length=11, max_length=32)]
Password = Annotated[str, StringConstraints(min_length=8, max_length=128)]


class SmsCodeAsk(Asked):
    """A code to be sent."""

    phone: Phone
    purpose: SmsPurpose
    device_id: Short | None = Field(
        default=None,
        description="The `device.id` to come: the code is good on it alone, and no stranger's guess spends it",
    )


class SmsCodeSent(Told):
    """Seconds that the code lives, and until another may be asked for."""

    expires_in: int
    resend_after: int

    @classmethod
    def of(cls, sent: Sent) -> Self:
        return cls(expires_in=sent.expires_in, resend_after=sent.resend_after)


Ticket = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    Field(description="Of a channel's sign-in that nobody knew: from now on it signs in to this account"),
]


class DeviceAsk(Asked):
    """The device a person signs in on; `id` is made by the app once and kept."""

    id: Short
    name: Short
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]

    def info(self) -> DeviceInfo:
        return DeviceInfo(id=self.id, name=self.name, platform=self.platform)


class AccountAsk(Asked):
    """A new account."""

    phone: Phone
    sms_code: Code
    password: Password
    device: DeviceAsk
    channel_ticket: Ticket | None = None


class SessionAsk(Asked):
    """A sign-in: by password or by SMS code."""

    phone: Phone
    password: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    sms_code: Code | None = None
    device: DeviceAsk
    channel_ticket: Ticket | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.password is None) == (self.sms_code is None):
            raise PydanticCustomError("one_of", "password or sms_code", {"code": "missing"})
        return self


class RefreshAsk(Asked):
    """An exchange of tokens."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class TokensRead(Told):
    """What a client keeps."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    session_id: str

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        return cls(
            access_token=tokens.access_token,
            expires_in=tokens.expires_in,
            refresh_token=tokens.refresh_token,
            refresh_expires_in=tokens.refresh_expires_in,
            session_id=str(tokens.session_id),
        )


class AccountRead(Told):
    """An account."""

    id: str
    phone: str = Field(description="Masked")


class PhoneChangeAsk(Asked):
    """Another phone for my account."""

    phone: Phone
    sms_code: Code = Field(description="That came to the phone I have now, purpose `change_phone`")
    new_phone_sms_code: Code = Field(description="That came to the new phone, purpose `change_phone`")


class AccountOpened(Told):
    """A new account and its tokens."""

    account: AccountRead
    tokens: TokensRead


class AccountKept(Told):
    """What is kept of a registration's answer: no token."""

    account: AccountRead
    session_id: str


class SessionRead(Told):
    """A session on one device."""

    id: str
    is_current: bool
    device: str
    platform: str
    channel: str
    assurance: Assurance
    started_at: Moment
    last_used_at: Moment
    expires_at: Moment

    @classmethod
    def of(cls, signed_in: SignedIn, device_name: str, current_id: object) -> Self:
        return cls(
            id=str(signed_in.id),
            is_current=signed_in.id == current_id,
            device=device_name,
            platform=signed_in.platform,
            channel=signed_in.channel,
            assurance=signed_in.assurance,
            started_at=signed_in.created_at,
            last_used_at=signed_in.last_used_at,
            expires_at=signed_in.expires_at,
        )


class PhoneCheckAsk(Asked):
    """The code sent to the account's phone for the purpose `new_device`."""

    sms_code: Code


class DeviceRead(Told):
    """A device the account has been used on; `is_phone_checked` says whether it may show cards."""

    id: str
    name: str
    platform: str
    is_trusted: bool
    is_phone_checked: bool
    first_seen_at: Moment
    last_seen_at: Moment

    @classmethod
    def of(cls, device: Device, name: str) -> Self:
        return cls(
            id=str(device.id),
            name=name,
            platform=device.platform,
            is_trusted=device.is_trusted,
            is_phone_checked=device.phone_checked_at is not None,
            first_seen_at=device.first_seen_at,
            last_seen_at=device.last_seen_at,
        )


class MeRead(Told):
    """The caller: the account and, once an own-card enrolment has named them, the person."""

    account_id: str
    phone: str
    name: str | None = None
    social_security_number: str | None = None
    has_card: bool
    assurance: Assurance
