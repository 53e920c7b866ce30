"""Ending links without an account: by a code that goes to the phone that the register holds."""

from fastapi import APIRouter

from app.core.errors import NotFound
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import Address, House, Language, TheHouse
from app.routers.naming import read_who
from app.schemas import link_endings as shapes
from app.services.accounts.codes import SmsCodeWrong
from app.services.family import leaving
from app.services.family.leaving import Leaving, LinkEndingsUsedUp

router = APIRouter(prefix="/v1/family/link-endings", tags=["family"], route_class=StrictRoute)


@router.post("", status_code=202, responses=documented(LinkEndingsUsedUp, RegisterUnavailable))
async def ask_to_end_links(
    body: shapes.LinkEndingAsk, house: TheHouse, address: Address, language: Language
) -> shapes.LinkEndingRead:
    """Ask, without an account, for a code to end who acts for me; it goes to the phone that the register holds.

    The answer is the same whether or not there is such a person, and takes the same time.
    """
    asked = _leaving(house, body, address, language)
    house.traffic.count_sms_code(address)
    return shapes.LinkEndingRead.of(await leaving.ask(house.db, house.ports.register, asked))


@router.put("/{ending_id}", responses=documented(NotFound, SmsCodeWrong))
async def end_links_by_code(
    ending_id: str, body: shapes.LinkEndingCodeAsk, house: TheHouse, language: Language
) -> shapes.LeftRead:
    """See with the code who acts for me and shares with me, and end all or some of it; again it changes nothing."""
    chosen, shared = [[deps.identity(each) for each in ids] for ids in (body.link_ids, body.binding_ids)]
    found = await leaving.leave(house.db, deps.identity(ending_id), body.sms_code, chosen, shared)
    return shapes.LeftRead.of_code(found, language)


def _leaving(house: House, body: shapes.LinkEndingAsk, address: str, language: str) -> Leaving:
    """Read whom the request is about.

    Raises:
        Invalid: name or number is none; `errors` says which.
    """
    name, number = read_who(house, body.name, body.social_security_number)
    return Leaving(name, number, address, language)
