"""Wire shapes of what people were told, and of how they wish to be told."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from app.schemas.base import Asked, Moment, Short, Told
from app.services.notifications import reading
from app.services.notifications.topics import Topic, Way
from app.services.notifications.wishes import Wishes

LanguageCode = Literal["zh-CN", "en", "es"]


class NotificationRead(Told):
    """One thing that I was told, in the language asked for."""

    id: str
    code: str = Field(description="What happened, for programs")
    topic: Topic
    text: str = Field(description="What happened, for people; names are masked")
    created_at: Moment
    read_at: Moment | None

    @classmethod
    def of(cls, told: reading.Told, language: str) -> Self:
        return cls(
            id=str(told.id),
            code=told.message,
            topic=told.topic,
            text=told.text(language),
            created_at=told.created_at,
            read_at=told.read_at,
        )


class NotificationsRead(Told):
    """The newest of what I was told."""

    items: list[NotificationRead]
    next_cursor: str | None = None
    unread: int = Field(description="How many of all were not read; 999 stands for more")


class NotificationsReadAsk(Asked):
    """Everything up to one of them was read."""

    until: Short = Field(description="The `id` of the newest that was shown")


class NotificationsMarkedRead(Told):
    """How many were unread until now."""

    marked: int


class WaysRead(Told):
    """Whether a topic is told by each way; it can always be read in the list."""

    sms: bool
    push: bool


class NotificationPreferencesRead(Told):
    """How I am told."""

    language: LanguageCode = Field(description="Of what is sent to my phone; the list is in the language asked for")
    topics: dict[Topic, WaysRead]
    always: list[Topic] = Field(description="Topics that cannot be switched off")

    @classmethod
    def of(cls, wishes: Wishes, always: frozenset[Topic]) -> Self:
        topics = {
            topic: WaysRead(sms=wishes.wants(topic, Way.SMS), push=wishes.wants(topic, Way.PUSH)) for topic in Topic
        }
        return cls.model_validate({"language": wishes.language, "topics": topics, "always": sorted(always)})


class WaysAsk(Asked):
    """By which ways a topic is to be told; what is missing stays as it is."""

    sms: bool | None = None
    push: bool | None = None


class NotificationPreferencesAsk(Asked):
    """How I wish to be told; what is missing stays as it is."""

    language: LanguageCode | None = None
    topics: dict[Topic, WaysAsk] = Field(default_factory=dict)

    def wished(self) -> dict[Topic, dict[Way, bool]]:
        return {
            topic: {way: wish for way, wish in ((Way.SMS, ways.sms), (Way.PUSH, ways.push)) if wish is not None}
            for topic, ways in self.topics.items()
        }


class PushAddressAsk(Asked):
    """Where the app on this device can be told something, as the push service has named it."""

    address: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,1024}$")]
