"""The personal web page: an owner shares his medical account with several relatives in one request."""

from typing import Final

from app.walkthrough.people import named, only
from app.walkthrough.phone import Phone
from app.walkthrough.steps import Steps
from app.walkthrough.telling import Teller

_CAST: Final = ("owner",)


class WebPage:
    """Tells it in one browser; `tell` is all of it."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller
        self._steps = Steps(phone, teller)

    def tell(self) -> None:
        """Play and tell everything.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        self._teller.chapter("The people")
        listed = self._phone.call("GET", "/dev/people", shown=only(*_CAST)).body["items"]
        (owner,) = named(listed, *_CAST)
        self._teller.chapter("Log in")
        self._steps.account()
        self._steps.own_card(owner)
        self._teller.chapter("Share personal account")
        self._teller.words("Sharing money is not the family service: it has a notice, and a consent, of its own.")
        self._steps.notice("account-sharing")
