"""The hospital's insurance office: looks and binds and nothing else; without a card only in an emergency."""

from typing import Final

from app.walkthrough.counter import Counter, Terminal, require
from app.walkthrough.people import Person, named, only
from app.walkthrough.phone import Phone
from app.walkthrough.staff import Staff
from app.walkthrough.steps import Steps
from app.walkthrough.telling import Teller

_CAST: Final = ("sibling", "parent-mother", "middle-dot")
_MOTHER: Final = "52"
_GLASS: Final = "/v1/counter/break-glass"


class Hospital:
    """Tells it at one desk; `tell` is all of it."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller
        self._staff = Staff(phone, teller)

    def tell(self) -> None:
        """Play and tell everything.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        self._teller.chapter("The people")
        listed = self._phone.call("GET", "/dev/people", shown=only(*_CAST)).body["items"]
        daughter, mother, stranger = named(listed, *_CAST)
        self._teller.chapter("A patient")
        ward = Counter(self._staff.signed_in("demo-nurse"), Terminal.named(self._phone, "demo-ward"))
        self._look(ward, daughter)
        self._bind(ward, daughter, mother)
        self._nothing_else(ward, daughter)
        self._emergency(ward, stranger)

    def _look(self, ward: Counter, patient: Person) -> None:
        self._teller.words(
            "Her card is read for a purpose of a closed list. The look says little, masked, and she will read in her "
            "activity that this office has looked, and what for."
        )
        token = ward.read(patient, "treatment")
        ward.post("/v1/counter/look-ups", {"card_read": token}, expect=(200,))

    def _bind(self, ward: Counter, daughter: Person, mother: Person) -> None:
        self._teller.chapter("She shares her account with her mother, who is not here")
        self._teller.words(
            "Of the mother there is only the number on her card. So she agrees as by every other door: by a code to "
            "the phone that the register holds of her."
        )
        body = {
            "notice": Steps(ward.screen, self._teller).notice("account-sharing"),
            "owner_card_read": ward.read(daughter, "sharing"),
            "member_card_number": mother.card_number,
            "relationship": _MOTHER,
        }
        ward.post("/v1/counter/sharing-bindings", body)

    def _nothing_else(self, ward: Counter, patient: Person) -> None:
        self._teller.chapter("Nothing else")
        self._teller.words("What a branch's window does, a hospital does not: here an application is to be finished.")
        ward.refused(ward.lay_down(patient, "enrolment"), "not-at-this-office")

    def _emergency(self, ward: Counter, stranger: Person) -> None:
        self._teller.chapter("Breaking the glass")
        self._teller.words(
            "Somebody comes in unconscious, with an identity document and no card. The look is given at once; it is "
            "flagged, told to whom it is about, and another of the staff reviews it."
        )
        body = {"name": stranger.name, "social_security_number": stranger.number, "reason": "unconscious"}
        look = ward.post(_GLASS, body).body
        self._teller.words("A clerk reviews no looks, least of all their own; that is the work of reviewers:")
        mine = {"finding": "justified"}
        own = ward.screen.call("POST", f"{_GLASS}/{look['id']}/reviews", mine, expect=(403,), is_once=True)
        require(own, "role-needed")
        reviewer = self._staff.signed_in("demo-reviewer")
        self._teller.words("The reviewer's list names nobody who was looked at.")
        reviewer.call("GET", _GLASS)
        reviewer.call("POST", f"{_GLASS}/{look['id']}/reviews", mine, expect=(201,), is_once=True)
        for screen in (ward.screen, reviewer):
            screen.call("DELETE", "/v1/staff/sessions/current", expect=(204,))
