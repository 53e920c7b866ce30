"""Codes by which somebody agrees to a binding: to the phone that the register holds, and to no other."""

import hmac
import os
from datetime import timedelta
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import TooMany
from app.models.sharing import Confirming, SharingBinding, SharingRequest, SharingState
from app.ports import Ports
from app.ports.messages import Message, MessageKind
from app.services import outbox, policies, throttles
from app.services.people import homes
from app.services.people.homes import KnownPerson
from app.services.people.names import mask_name
from app.services.rules.sharing import Sharing
from app.services.sharing import confirming, rows
from app.services.throttles import Counter, Limit
from app.texts import message

BY_CODE = frozenset({Confirming.MEMBER, Confirming.CODE, Confirming.GUARDIAN})
"""Who can agree by a code."""
_DAY = timedelta(days=1)


class SharingCodesUsedUp(TooMany):
    """As many codes were sent for this owner and this relative as are sent in a day."""

    code = "sharing-codes-used-up"


async def begin(session: Session, binding: SharingBinding, waiting: SharingRequest, rules: Sharing) -> None:
    """Let the first code of a request be sent, where a code can answer it.

    Raises:
        SharingCodesUsedUp: too many went today.
    """
    if waiting.confirming in BY_CODE:
        await throttles.require(session, _counter(session, binding, rules), SharingCodesUsedUp)
        _send(session, waiting)


async def again(session: Session, binding: SharingBinding, waiting: SharingRequest, rules: Sharing) -> None:
    """Send another code, unless one went just now, or too many went today: then the last one stays."""
    is_new = waiting.sent_at + timedelta(seconds=rules.resend_seconds) > session.now
    if waiting.confirming not in BY_CODE or is_new:
        return
    if (await throttles.use(session, _counter(session, binding, rules))).is_allowed:
        waiting.seed, waiting.tries_left, waiting.sent_at = os.urandom(16), rules.code_tries, session.now
        waiting.code_until = session.now + timedelta(minutes=rules.code_minutes)
        _send(session, waiting)


def is_right(session: Session, waiting: SharingRequest, code: str) -> bool:
    """Say whether a code is the one that was sent last."""
    return hmac.compare_digest(_code(session, waiting), code)


async def send(db: Database, ports: Ports, binding_id: UUID, seed: str) -> None:
    """Send the code of a request that waits; told again it is the same code, sent once; an older one is not sent.

    Raises:
        RegisterUnavailable, MessagesUnavailable: do it later.
    """
    found = await db.run(lambda session: _to_be_told(session, binding_id, seed))
    if found is None:
        return
    owner, member, waiting, text, code = found
    find = confirming.guardian_phone if waiting.confirming is Confirming.GUARDIAN else confirming.own_phone
    registered = await ports.register.find(member.number)
    phone = None if registered is None else await find(ports.register, registered, owner.number)
    if phone is not None:
        key = f"sharing:{binding_id}:{seed}"
        await ports.messages.send(Message(key=key, to=phone, kind=MessageKind.SMS_CODE, text=text, code=code))


async def _to_be_told(
    session: Session, binding_id: UUID, seed: str
) -> tuple[KnownPerson, KnownPerson, SharingRequest, str, str] | None:
    binding = await rows.seen(session, binding_id)
    if binding is None or binding.state is not SharingState.PENDING:
        return None
    waiting = await rows.request(session, binding)
    if waiting is None or waiting.seed.hex() != seed or waiting.code_until <= session.now:
        return None
    owner, member = [await homes.person(session, each) for each in (binding.owner_id, binding.member_id)]
    rules = (await policies.current(session, owner.region)).sharing
    code = _code(session, waiting)
    words = "sms_code_share_for_child" if waiting.confirming is Confirming.GUARDIAN else "sms_code_share"
    text = message(
        words,
        waiting.language,
        code=code,
        minutes=str(rules.code_minutes),
        owner=mask_name(owner.name),
        member=mask_name(member.name),
    )
    return owner, member, waiting, text, code


def _send(session: Session, waiting: SharingRequest) -> None:
    outbox.tell(
        session,
        outbox.Kind.SEND_SHARING_CODE,
        waiting.member_id,
        binding_id=str(waiting.binding_id),
        seed=waiting.seed.hex(),
    )


def _code(session: Session, waiting: SharingRequest) -> str:
    """Return the code of a request: derived from its seed and a key that is in no database."""
    digest = session.lookup.lasting("sharing-code", f"{waiting.binding_id}:{waiting.seed.hex()}")
    return f"{int.from_bytes(digest[-8:]) % 1_000_000:06}"


def _counter(session: Session, binding: SharingBinding, rules: Sharing) -> Counter:
    pair = session.lookup.digest("sharing-codes", f"{binding.owner_id}:{binding.member_id}")
    return Counter(Limit("sharing_codes", rules.codes_a_day, _DAY), bucket_of(binding.owner_id), pair)
