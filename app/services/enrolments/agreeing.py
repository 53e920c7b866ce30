"""Writes down what somebody agrees to, with the exact text they were shown, and finds it when they say it again."""

from collections.abc import Set as AbstractSet

from sqlalchemy import select

from app.core.db import Session, new_id
from app.models.consents import Consent, ConsentPurpose
from app.models.enrolments import NEXT, Enrolment, Event
from app.services.accounts.doers import Doer
from app.services.enrolments import loading
from app.services.notices import Shown


async def is_given(
    session: Session,
    enrolment: Enrolment,
    doer: Doer,
    purpose: ConsentPurpose,
    shown: Shown,
    services: AbstractSet[str] | None,
) -> bool:
    """Say whether this very consent is in force, or was until the member gave theirs and the step was over.

    Then it comes late, or twice, and there is nothing to do.
    """
    known = (await loading.consents(session, enrolment)).get(purpose)
    if known is None:
        return False
    given = [known]
    if Event.CONSENT not in NEXT[enrolment.state]:
        rows = await session.scalars(
            select(Consent).where(
                Consent.bucket == enrolment.bucket, Consent.enrolment_id == enrolment.id, Consent.purpose == purpose
            )
        )
        given += rows
    return any(
        is_same(each, shown) and each.services == written(services) and _is_good_for(each, doer) for each in given
    )


def written(services: AbstractSet[str] | None) -> str | None:
    """Return services as a consent holds them: in order, with spaces between."""
    return None if services is None else " ".join(sorted(services))


async def agree(
    session: Session,
    doer: Doer,
    enrolment: Enrolment,
    purpose: ConsentPurpose,
    shown: Shown,
    services: str | None = None,
) -> None:
    """Write a consent down, with the exact text that was shown; what took its place before is flushed first."""
    await session.flush()
    session.add(
        Consent(
            bucket=enrolment.bucket,
            id=new_id(enrolment.bucket),
            home_id=enrolment.home_id,
            enrolment_id=enrolment.id,
            account_id=doer.account_id,
            purpose=purpose,
            notice_code=shown.code,
            notice_version=shown.version,
            language=shown.language,
            sha256=shown.sha256,
            services=services,
            channel=doer.channel,
            device_id=doer.device_id,
            handover_id=doer.handover_id,
            given_at=session.now,
        )
    )


def is_same(known: Consent, shown: Shown) -> bool:
    """Say whether a consent was given to this very text."""
    return (known.notice_code, known.notice_version, known.language, known.sha256) == (
        shown.code,
        shown.version,
        shown.language,
        shown.sha256,
    )


def _is_good_for(known: Consent, doer: Doer) -> bool:
    """Say whether a consent to the same need not be given again: the member gives their own on their own phone."""
    return doer.handover_id is None or known.handover_id == doer.handover_id
