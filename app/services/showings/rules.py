"""What a code needs of a card and of a link: asked when it is issued, and once more when it is redeemed."""

from collections.abc import Mapping, Sequence
from typing import Final

from app.core.errors import Conflict
from app.models.showings import ShowingPurpose
from app.services.cards.allowing import Standing, Use, refusal
from app.services.links import Service, Services
from app.services.rules.cards import CardStatus

_USES: Final[Mapping[ShowingPurpose, Sequence[Use]]] = {
    ShowingPurpose.IDENTIFY: (Use.SHOW_CODE,),
    ShowingPurpose.MEDICAL: (Use.SHOW_CODE,),
    ShowingPurpose.PAY: (Use.SHOW_CODE, Use.PAY),
}
_SERVICES: Final[Mapping[ShowingPurpose, Sequence[Service]]] = {
    ShowingPurpose.IDENTIFY: (Service.SHOW_CODE,),
    ShowingPurpose.MEDICAL: (Service.SHOW_CODE,),
    ShowingPurpose.PAY: (Service.SHOW_CODE, Service.PAY),
}


def obstacle(card: Standing, rules: CardStatus, purpose: ShowingPurpose) -> type[Conflict] | None:
    """Return what stands in the way of showing a card that stands so for a purpose, if anything does."""
    found = (refusal(card, use, rules) for use in _USES[purpose])
    return next((refused for refused in found if refused is not None), None)


def is_shared(services: Services, purpose: ShowingPurpose) -> bool:
    """Say whether what a link lets its owner do includes showing the member's card for a purpose."""
    return set(services_for(purpose)) <= set(services.names)


def services_for(purpose: ShowingPurpose) -> Sequence[Service]:
    """Return what a link has to allow before an owner may show the member's card for a purpose."""
    return _SERVICES[purpose]
