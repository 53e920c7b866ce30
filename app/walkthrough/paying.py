"""A payment with shared money: the mother shares, the son sees what would be drawn, a till draws and gives it back."""

import secrets
from typing import Final

from app.walkthrough.people import Person
from app.walkthrough.phone import Phone, Unexpected
from app.walkthrough.steps import Steps
from app.walkthrough.telling import JSON, Teller

_BINDINGS: Final = "/v1/sharing/bindings"
_SON: Final = "20"
_AMOUNT: Final = "52.30"  # the demo gives the son 12.30


class Till:
    """Tells it on the son's phone, after his own card; his mother has a page of her own."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller

    def tell(self, son: Person, mother: Person) -> None:
        """Play and tell everything.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        if not self._share(son, mother):
            return
        self._preview()
        self._look_back(self._draw())

    def _share(self, son: Person, mother: Person) -> bool:
        """Let his mother share with him; say whether she does."""
        self._teller.words("His mother has a page of her own: she gets a card first, then shares with her son.")
        page = self._phone.another()
        steps = Steps(page, self._teller, platform="web")
        steps.account()
        steps.own_card(mother)
        notice = steps.notice("account-sharing")
        steps.step_up()
        relative = {"computer_number": son.computer_number, "id_number": son.number, "relationship": _SON}
        body = {"notice": notice, "bindings": [relative]}
        inbox = f"/dev/messages?phone={son.phone}"
        known = len(_codes(page.ask(inbox).body))
        (outcome,) = page.call("POST", _BINDINGS, body, is_once=True).body["items"]
        if outcome["status"] == "bound":
            self._teller.words("They share since an earlier walkthrough.")
            return True
        if outcome["binding"] is None:
            self._teller.words("Too many codes went to her son today, by earlier walkthroughs; try it tomorrow.")
            return False
        page.wait_until(inbox, lambda body: len(_codes(body)) > known)
        code = _codes(page.ask(inbox).body)[0]["code"]
        address = f"{_BINDINGS}/{outcome['binding']['id']}/confirmation"
        page.call("PUT", address, {"sms_code": code}, expect=(204,))
        return True

    def _preview(self) -> None:
        self._teller.words(
            "Before he pays he sees what it would draw: his own money first, then what is shared, and of each account "
            "why it gives no more. Nothing is held for it."
        )
        found = self._phone.call("POST", "/v1/sharing/previews", {"amount": _AMOUNT}).body
        if found["uncovered"] != "0.00":
            raise Unexpected(f"Of {_AMOUNT} yuan {found['uncovered']} would not be covered.")

    def _draw(self) -> str:
        """Pay at a till; return the draw's id."""
        self._teller.words(
            "At the till he shows a code. The terminal redeems it, and draws by the answer: one code, one payment."
        )
        shown = self._phone.call("POST", "/v1/holders/me/card/codes", {"purpose": "medical"}).body
        seen = self._phone.call("POST", "/dev/scans", {"code": shown["code"]}).body
        order = {"redemption_id": seen["redemption_id"], "order_number": secrets.token_hex(8), "amount": _AMOUNT}
        drawn = self._phone.call("POST", "/dev/draws", order, expect=(201,)).body
        if drawn["covered"] != drawn["amount"] or drawn["shared"] == "0.00":
            raise Unexpected("The payment was not drawn from both accounts.")
        self._teller.words("An answer that is lost is no harm: the same order again is the same payment.")
        if self._phone.call("POST", "/dev/draws", order, expect=(201,)).body != drawn:
            raise Unexpected("The same order was answered otherwise.")
        draw_id: str = drawn["id"]
        return draw_id

    def _look_back(self, draw_id: str) -> None:
        self._teller.words("He sees where, and whose money it was; his mother sees who and how much, and not where.")
        newest = self._phone.call("GET", "/v1/sharing/draws?limit=1").body["items"][0]
        if newest["id"] != draw_id:
            raise Unexpected("The payment is not in the list.")
        self._teller.words("It was a mistake: the till gives it back, whole, to the accounts it came from.")
        self._phone.call("POST", f"/dev/draws/{draw_id}/reversals", expect=(201,))
        again = self._phone.call("GET", "/v1/sharing/draws?limit=1").body["items"][0]
        if again["reversed_at"] is None:
            raise Unexpected("The payment was not given back.")


def _codes(messages: JSON) -> list[JSON]:
    """Return the messages that carry a code, the newest first."""
    return [message for message in messages["items"] if message.get("code")]
