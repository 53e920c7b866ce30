"""What a branch's window does for people and their applications: told as a part of the branch window's story."""

from typing import Final

from app.walkthrough.counter import Counter
from app.walkthrough.people import Person
from app.walkthrough.phone import Phone
from app.walkthrough.steps import CARD_PASSWORD, Steps
from app.walkthrough.telling import JSON, Teller

_FATHER: Final = "51"
_WRONG: Final = ("271828", "314159", "161803", "141421", "173205")
_CHECKS: Final = "/v1/card/password-checks"
_ENDINGS: Final = "/v1/counter/link-endings"


class AtTheWindow:
    """Tells how an application is finished, a link ended and a lock lifted at one window."""

    def __init__(self, phone: Phone, teller: Teller, window: Counter) -> None:
        self._phone = phone
        self._teller = teller
        self._window = window
        self._steps = Steps(phone, teller)

    def finish(self, owner: Person, father: Person) -> None:
        """Begin an application in the app, and finish it at the window under the same number."""
        self._teller.chapter("An application begun in the app")
        self._steps.account()
        self._steps.own_card(owner)
        self._steps.step_up()
        enrolment = self._steps.begin(father, _FATHER, "His father of 68, whose face the camera does not take.")
        self._teller.chapter("… is finished at the window, under the same number")
        number = enrolment.rpartition("/")[2]
        self._teller.words("The father has come with his card and his identity card; the number is on his son's phone.")
        read = self._window.screen.call("GET", f"/v1/counter/enrolments/{number}")
        self._teller.words(
            "He hears the notice read out and says what his son may do. The clerk looks at him and at the originals: "
            "kinds of documents are written down, no number and no copy. That takes the place of the face."
        )
        consent = self._steps.notice("counter-check") | {"services": ["view", "certify"]}
        body = {"documents_seen": ["id_card"], "consents": [consent], "card_read": self._read(father, "enrolment")}
        seen = f'"{read.body["version"]}"'
        done = self._window.post(f"/v1/counter/enrolments/{number}/attestations", body, If_Match=seen)
        self._steps.require(done, state="active")
        self._steps.finished(enrolment, "On the son's phone it is the same application, and it is done.")

    def end(self, father: Person) -> None:
        """End the link for the father, who has no account."""
        self._teller.chapter("A link ended by somebody without a phone")
        self._teller.words("The father wants nobody to act for him after all. He sees who does, and ends it at once.")
        body: JSON = {"card_read": self._read(father, "link_ending")}
        held = self._window.post(_ENDINGS, body)
        body["link_ids"] = [item["link_id"] for item in held.body["items"]]
        self._window.post(_ENDINGS, body)

    def unlock(self, owner: Person) -> None:
        """Lift the lock of the owner's card password."""
        self._teller.chapter("A lock lifted")
        self._teller.words("The son has entered wrong card passwords, one after the other.")
        for wrong in _WRONG:
            self._phone.call("POST", _CHECKS, {"password": wrong}, expect=(403,))
        self._phone.call("POST", _CHECKS, {"password": CARD_PASSWORD}, expect=(423,))
        self._teller.words("At the window his card is enough to lift the lock, twice a day; no clerk sets a password.")
        body = {"card_read": self._read(owner, "password_unlock")}
        done = self._window.post("/v1/counter/password-unlocks", body, expect=(201, 429))
        if done.status == 201:
            self._steps.step_up()

    def _read(self, person: Person, purpose: str) -> str:
        return self._window.read(person, purpose)
