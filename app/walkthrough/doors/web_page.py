"""The personal web page: an owner shares his medical account with several relatives in one request."""

from typing import Final

from app.walkthrough.paying import Till
from app.walkthrough.people import Person, named, only
from app.walkthrough.phone import Phone, Unexpected
from app.walkthrough.steps import Steps
from app.walkthrough.telling import JSON, Teller

_CAST: Final = ("owner", "child-9", "parent-68", "parent-mother", "second-owner")
_BINDINGS: Final = "/v1/sharing/bindings"
_SON: Final = "20"
_FATHER: Final = "51"
_MOTHER: Final = "52"
_COUSIN: Final = "92"
_SENT_TOO_MANY: Final = "sharing-codes-used-up"


class WebPage:
    """Tells it in one browser; `tell` is all of it."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller
        self._steps = Steps(phone, teller, platform="web")

    def tell(self) -> None:
        """Play and tell everything.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        self._teller.chapter("The people")
        listed = self._phone.call("GET", "/dev/people", shown=only(*_CAST)).body["items"]
        owner, child, father, mother, cousin = named(listed, *_CAST)
        self._teller.chapter("Log in")
        self._steps.account()
        self._steps.own_card(owner)
        self._teller.chapter("Social security business → medical → share personal account → add bindings")
        self._end_earlier()
        codes_before = len(_codes(self._phone.ask(f"/dev/messages?phone={father.phone}").body))
        outcomes = self._share(child, father, mother, cousin)
        self._teller.chapter("Who agrees")
        self._agree(father, outcomes[1], codes_before)
        self._teller.chapter("A cap, a pause, the order of funds")
        self._keep(outcomes[0]["binding"]["id"])
        self._teller.chapter("At the till")
        Till(self._phone, self._teller).tell(owner, mother)
        self._teller.chapter("Both sides, and the end")
        self._end(outcomes[0]["binding"]["id"])

    def _end_earlier(self) -> None:
        """End what an earlier story has left; its consents are over with it."""
        for binding in self._phone.ask(_BINDINGS).body["bindings"]:
            self._teller.words("This is shared since an earlier walkthrough; either side may end it at any time:")
            self._phone.call("DELETE", f"{_BINDINGS}/{binding['id']}", expect=(204,))

    def _share(self, child: Person, father: Person, mother: Person, cousin: Person) -> list[JSON]:
        self._teller.words(
            "Sharing money is not the family service: it has a notice, and a consent, of its own. It is read first."
        )
        notice = self._steps.notice("account-sharing")
        relatives = [
            _named(child, _SON),
            _named(father, _FATHER),
            _named(mother, _MOTHER) | {"computer_number": "600000000"},
            _named(cousin, _COUSIN),
        ]
        body = {"notice": notice, "bindings": relatives}
        self._teller.words("Money takes the card password, given within the last five minutes.")
        self._phone.call("POST", _BINDINGS, body, expect=(401,), is_once=True)
        self._steps.step_up()
        self._teller.words(
            "Four relatives in one request, each by computer number, ID number and relationship. Each has an outcome "
            "of their own: his son is bound, for he is the guardian by the register; his father has to agree; the "
            "computer number of his mother is mistyped, and what is wrong is not said; a cousin is no near relative."
        )
        found = self._phone.call("POST", _BINDINGS, body, is_once=True).body["items"]
        told = [outcome["status"] for outcome in found]
        is_sent_out = found[1]["problem"] is not None and found[1]["problem"]["code"] == _SENT_TOO_MANY
        if told != ["bound", "refused" if is_sent_out else "pending", "refused", "refused"]:
            raise Unexpected(f"The outcomes are {', '.join(told)}.")
        self._teller.words("Nothing is lost: the one that was mistyped is sent again alone.")
        again = {"notice": notice, "bindings": [_named(mother, _MOTHER)]}
        self._phone.call("POST", _BINDINGS, again, is_once=True)
        return list(found)

    def _agree(self, father: Person, outcome: JSON, codes_before: int) -> None:
        if outcome["binding"] is None:
            self._teller.words(
                "Five codes went to his father today, by earlier walkthroughs; he can be asked again tomorrow."
            )
            return
        self._teller.words(
            "The code goes to the phone that the register holds for his father, and to no other. He passes it on if he "
            "agrees. In development it can be read here."
        )
        inbox = f"/dev/messages?phone={father.phone}"
        self._phone.wait_until(inbox, lambda body: len(_codes(body)) > codes_before)
        code = _codes(self._phone.call("GET", inbox, shown=lambda body: {"items": _codes(body)[:1]}).body)[0]["code"]
        address = f"{_BINDINGS}/{outcome['binding']['id']}"
        self._phone.call("PUT", f"{address}/confirmation", {"sms_code": code}, expect=(204,))
        if self._phone.call("GET", address).body["state"] != "active":
            raise Unexpected("The sharing did not start.")

    def _keep(self, binding_id: str) -> None:
        address = f"{_BINDINGS}/{binding_id}"
        self._teller.words(
            "His son may spend 300 yuan a month of it. To allow more later takes the card password again."
        )
        self._phone.call("PUT", f"{address}/cap", {"monthly_cap": "300.00"})
        self._teller.words("Paused, nothing is spent; both sides see it. Then it goes on.")
        self._phone.call("PUT", f"{address}/pause")
        self._phone.call("DELETE", f"{address}/pause")
        self._teller.words(
            "Whoever others share with chooses whose money goes first, after their own: in the order of the bindings, "
            "the highest balance, or one by one."
        )
        self._phone.call("PUT", "/v1/sharing/order", {"order": "highest_balance"})

    def _end(self, binding_id: str) -> None:
        self._teller.words("With whom he shares, who shares with him, and how many places there are.")
        self._phone.call("GET", _BINDINGS)
        self._teller.words("Either side ends it at once; for the owner that takes his consent back, and both are told.")
        self._phone.call("DELETE", f"{_BINDINGS}/{binding_id}", expect=(204,))
        consents = self._phone.call("GET", "/v1/consents", shown=lambda body: {"items": body["items"][:3]})
        if not any(given["withdrawn_at"] for given in consents.body["items"] if given["code"] == "account-sharing"):
            raise Unexpected("The consent was not taken back.")


def _named(person: Person, relationship: str) -> JSON:
    """Name a relative as the page asks for them."""
    return {
        "computer_number": person.computer_number,
        "id_number": person.number,
        "relationship": relationship,
    }


def _codes(messages: JSON) -> list[JSON]:
    """Return the messages that carry a code, the newest first."""
    return [message for message in messages["items"] if message.get("code")]
