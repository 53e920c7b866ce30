"""The branch window: two cards share an account, an application is finished, a link ended, a lock lifted; refusals."""

from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.walkthrough.counter import READS, Counter, Terminal, require
from app.walkthrough.people import Person, named, only
from app.walkthrough.phone import Phone
from app.walkthrough.staff import Staff
from app.walkthrough.steps import Steps
from app.walkthrough.telling import Teller
from app.walkthrough.window import AtTheWindow

_CAST: Final = ("parent-68", "parent-mother", "card-lost", "owner")
_WIFE: Final = "12"


class BranchWindow:
    """Tells it at one window; `tell` is all of it."""

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
        husband, wife, loser, son = named(listed, *_CAST)
        self._teller.chapter("A clerk and a terminal")
        self._teller.words(
            "A clerk signs in with two factors. Beside the screen stands a terminal of the same office with a key of "
            "its own: it reads cards, and signs each reading together with the session of who works there (RFC 9421)."
        )
        window = Counter(self._staff.signed_in("demo-clerk"), Terminal.named(self._phone, "demo-window"))
        self._two_cards(window, husband, wife)
        at_window = AtTheWindow(self._phone.another(), self._teller, window)
        at_window.finish(son, husband)
        at_window.end(husband)
        at_window.unlock(son)
        self._refusals(window, husband, loser)
        self._of_others(window, husband)

    def _two_cards(self, window: Counter, husband: Person, wife: Person) -> None:
        self._teller.chapter("Two cards on the counter")
        self._teller.words(
            "He wants to share his medical account with his wife, who has come along. Each card is read for that "
            "purpose alone; what comes of it is good for two minutes, in this session, once."
        )
        owner = window.read(husband, "sharing")
        member = window.read(wife, "sharing")
        self._teller.words(
            "He has the notice read out to him: that he agrees, in person, before whom and by which card, stands in "
            "the list of his consents. Her card lies there: she has agreed by that, and nobody is sent a code."
        )
        notice = Steps(window.screen, self._teller).notice("account-sharing")
        body = {"owner_card_read": owner, "member_card_read": member, "relationship": _WIFE, "notice": notice}
        window.post("/v1/counter/sharing-bindings", body)
        self._teller.words("The same readings once more: they are used up.")
        again = window.post("/v1/counter/sharing-bindings", body, expect=(409,))
        require(again, "card-read-used")

    def _refusals(self, window: Counter, person: Person, loser: Person) -> None:
        self._teller.chapter("Replayed, stale, forged")
        self._teller.words("A reading that somebody has recorded and sends again, half a minute later:")
        recorded = window.lay_down(person, "enquiry")
        window.screen.send_signed(recorded, expect=(201,))
        self._phone.call("POST", "/dev/clock", {"advance_seconds": 31})
        window.refused(recorded, "request-replayed")
        self._teller.words("One that was signed ten minutes ago:")
        body = {"card_number": person.card_number, "purpose": "enquiry"}
        before = self._phone.server_time() - timedelta(minutes=10)
        window.refused(window.terminal.sign(READS, body, window.token, before), "request-not-timely")
        self._teller.words("One in the terminal's name, signed by another key:")
        forger = Counter(window.screen, Terminal(window.terminal.name, Ed25519PrivateKey.generate()))
        window.refused(forger.lay_down(person, "enquiry"), "terminal-not-known")
        self._teller.words("And a card that was reported lost binds nothing, whoever lays it down:")
        window.refused(window.lay_down(loser, "sharing"), "card-lost")

    def _of_others(self, window: Counter, person: Person) -> None:
        self._teller.chapter("Somebody else's session, another office's terminal")
        colleague = Counter(self._staff.signed_in("demo-clerk-2"), window.terminal)
        self._teller.words("The first clerk's signed reading, sent with the second one's session:")
        colleague.refused(window.lay_down(person, "enquiry"), "terminal-not-known")
        self._teller.words("What the first clerk has read, used by the second:")
        token = window.read(person, "enquiry")
        look = colleague.post("/v1/counter/look-ups", {"card_read": token}, expect=(403,))
        require(look, "card-read-of-another")
        self._teller.words("And the hospital's terminal, carried over to the window:")
        carried = Counter(window.screen, Terminal.named(self._phone, "demo-ward"))
        carried.refused(carried.lay_down(person, "enquiry"), "terminal-elsewhere")
        for screen in (window.screen, colleague.screen):
            screen.call("DELETE", "/v1/staff/sessions/current", expect=(204,))
