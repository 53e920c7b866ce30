"""Mini programs: one holder with one card in three channels, and a citizen centre's short way to add a father."""

import secrets
from typing import Final

from app.walkthrough.people import Person, named, only
from app.walkthrough.phone import Phone, Reply, Unexpected
from app.walkthrough.steps import Steps
from app.walkthrough.telling import Teller

_CAST: Final = ("owner", "parent-68")
_MINI: Final = "demo-mini"
_CENTRE: Final = "demo-centre"
_FATHER: Final = "51"


class MiniProgram:
    """Tells it on one phone; `tell` is all of it."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller
        self._steps = Steps(phone, teller)
        self._user = secrets.token_hex(4)

    def tell(self) -> None:
        """Play and tell everything.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        self._teller.chapter("The people")
        listed = self._phone.call("GET", "/dev/people", shown=only(*_CAST)).body["items"]
        owner, father = named(listed, *_CAST)
        self._teller.chapter("In the app")
        self._steps.account()
        self._steps.own_card(owner)
        self._teller.chapter("The first time in a mini program")
        self._come_in(_MINI)
        self._teller.chapter("One card, a number in each channel")
        self._use_card()
        self._teller.chapter("What a channel does not offer")
        self._ask_for_too_much()
        self._teller.chapter("A citizen centre: name, number, relationship")
        self._come_in(_CENTRE)
        self._add(father)
        self._teller.chapter("Leaving one channel")
        self._leave()

    def _come_in(self, channel: str) -> None:
        self._teller.words(
            "The platform has given the mini program a code, and tells us for it who its user is. Nobody knows them "
            "here yet: the answer is a ticket, and says what to do with it."
        )
        ticket = self._steps.enter(channel, self._user)
        if ticket is None:
            raise Unexpected("Somebody was signed in whom nobody knows.")
        self._teller.words("Signed in once with the ticket, the platform's user is tied to the account.")
        self._steps.sign_in(ticket)
        self._teller.words("From then on one call is enough.")
        if self._steps.enter(channel, self._user) is not None:
            raise Unexpected("Who was tied is not known.")

    def _use_card(self) -> None:
        self._teller.words("The card password is the same in every channel. With it the card is used here, too.")
        self._steps.step_up()
        self._phone.call("PUT", f"/v1/channels/{_MINI}")
        self._teller.words("One card, and an issue number for each channel.")
        places = self._phone.call("GET", "/v1/channels").body["items"]
        if len({place["issue_number"] for place in places}) != len(places) or len(places) < 2:
            raise Unexpected("The channels do not have a number each.")

    def _ask_for_too_much(self) -> None:
        self._teller.words("This mini program does no transfers. The refusal says in which channel they can be done.")
        refused = self._phone.call("GET", "/v1/holders/me/transfers", expect=(403,))
        if refused.problem != "service-not-in-channel":
            raise Unexpected(f"It was refused as {refused.problem}.")

    def _add(self, father: Person) -> None:
        self._teller.words(
            "The citizen centre knows its users by name and face, shows our notices, and has seen the father's papers: "
            "all that counts as met. Name, number and relationship lead straight to his face, which nothing takes the "
            "place of."
        )
        opened = self._begin(father)
        if opened.status == 409:
            self._steps.step_up()
            self._steps.put_away(opened)
            opened = self._begin(father)
        self._steps.require(opened, state="face_pending")
        enrolment = f"/v1/enrolments/{opened.body['id']}"
        self._steps.agree(enrolment, "face-check", "He consents to the look at his face himself.")
        self._steps.finish(enrolment)

    def _begin(self, father: Person) -> Reply:
        details = {"name": father.name, "social_security_number": father.number, "relationship": _FATHER}
        body = {"kind": "family_member", "details": details}
        return self._phone.call("POST", "/v1/enrolments", body, expect=(201, 409), is_once=True)

    def _leave(self) -> None:
        self._steps.step_up()
        self._teller.words(
            "The first mini program is left: its number and its sessions end, and its user is a stranger."
        )
        self._phone.call("DELETE", f"/v1/channels/{_MINI}", expect=(204,))
        if self._steps.enter(_MINI, self._user) is None:
            raise Unexpected("Who has left is still known.")
        self._teller.words("Everywhere else all is as it was.")
        self._phone.call("GET", "/v1/channels")
