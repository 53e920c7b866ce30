"""What every story does again and again: an account, a card, an application and its steps."""

import secrets
from typing import Final

from app.walkthrough.people import Person
from app.walkthrough.phone import Phone, Reply, Unexpected
from app.walkthrough.telling import JSON, Teller

_PASSWORD: Final = "four quiet herons"  # noqa: S105 - of nobody: the account is made for this story
CARD_PASSWORD: Final = "518093"  # noqa: S105 - the same


class Steps:
    """Does them on one phone, with the words that go with them."""

    def __init__(self, phone: Phone, teller: Teller, *, platform: str = "ios") -> None:
        self._phone = phone
        self._teller = teller
        self._device = {"id": secrets.token_hex(8), "name": "My phone", "platform": platform}

    def enter(self, channel: str, user: str) -> str | None:
        """Open a mini program of the demo's platform; return the ticket of somebody whom nobody knows there."""
        asked = {"auth_code": f"demo-user-{user}", "device": self._device}
        entered = self._phone.call("POST", f"/v1/channels/{channel}/sessions", asked, expect=(201, 202))
        if entered.status == 202:
            return str(entered.body["ticket"])
        self._phone.take_over(entered.body)
        return None

    def account(self) -> None:
        """Register a phone and be signed in on it."""
        opened = None
        while opened is None or opened.problem == "phone-already-registered":
            self._phone.number = f"1000000{1000 + secrets.randbelow(9000)}"
            self._teller.words(
                "A phone that the service does not know. A code by SMS shows that it is in the hand of whoever asks."
            )
            asked = {"phone": self._phone.number, "purpose": "register", "device_id": self._device["id"]}
            self._phone.call("POST", "/v1/sms-codes", asked, expect=(202,))
            self._teller.words("In development nothing is sent; what would have been can be read here.")
            inbox = self._phone.call("GET", f"/dev/messages?phone={self._phone.number}", shown=newest_alone)
            self._teller.words(
                "With the code and a password of one's choice an account is opened, and signed in on this device."
            )
            body = {
                "phone": self._phone.number,
                "sms_code": inbox.body["items"][0]["code"],
                "password": _PASSWORD,
                "device": self._device,
            }
            opened = self._phone.call("POST", "/v1/accounts", body, expect=(201, 409), is_once=True)
        self._phone.take_over(opened.body.get("tokens"))

    def own_card(self, owner: Person) -> None:
        """Get a card for the one whose phone this is."""
        self._teller.words("Only a holder may add relatives, or see who has added them: one's own e-card comes first.")
        enrolment = self.open_enrolment("own_card")
        self.acknowledge(enrolment, "own-card")
        self._teller.words(
            "Who it is: the register must know a living person of this number and name; the account then moves "
            "to that person, so the answer brings new tokens. Nothing of the person can be read yet: that takes a face."
        )
        body = {"name": owner.name, "social_security_number": owner.number}
        self._phone.take_over(self._phone.call("PUT", f"{enrolment}/details", body).body.get("tokens"))
        self.agree(enrolment, "face-check", "A face is processed only after a consent of its own.")
        self._teller.words(
            "A look into the camera. The sandbox provider lets everybody pass; a real one would check that somebody "
            "alive is there and compare them with the register's portrait. If an earlier account held this person, it "
            "loses them now: the latest proof counts."
        )
        self.check_face(enrolment)
        self._teller.words("Last, a card password of six digits: not in order, not repeated, not from one's numbers.")
        done = self._phone.call("PUT", f"{enrolment}/card-password", {"password": CARD_PASSWORD})
        self.require(done, state="active")
        self._teller.words("The card is there. Numbers and names are masked unless asked for after a step-up.")
        self._phone.call("GET", "/v1/holders/me/card")

    def let_pass(self, days: int, words: str) -> None:
        """Move the server's clock on; who was signed in signs in again, as their session would have ended."""
        self._teller.words(words)
        self._phone.call("POST", "/dev/clock", {"advance_seconds": days * 86_400})
        self.sign_in()

    def let_pass_until(self, day: str, words: str) -> None:
        """Move the server's clock to just after midnight in China of a day."""
        self._teller.words(words)
        self._phone.call("POST", "/dev/clock", {"now": f"{day}T00:00:01+08:00"})
        self.sign_in()

    def sign_in(self, ticket: str | None = None) -> None:
        """Sign in with the account's password, on the same device; with the ticket of a channel that had none."""
        asked: JSON = {"phone": self._phone.number, "password": _PASSWORD, "device": self._device}
        if ticket is not None:
            asked["channel_ticket"] = ticket
        self._phone.take_over(self._phone.call("POST", "/v1/sessions", asked, expect=(201,)).body)

    def step_up(self) -> None:
        """Give the card password: what comes within the next five minutes may need it."""
        checked = self._phone.call("POST", "/v1/card/password-checks", {"password": CARD_PASSWORD})
        self._phone.take_over(checked.body)

    def open_enrolment(self, kind: str) -> str:
        """Open an application; return its address."""
        opened = self._phone.call("POST", "/v1/enrolments", {"kind": kind}, expect=(201,), is_once=True)
        return f"/v1/enrolments/{opened.body['id']}"

    def notice(self, code: str) -> JSON:
        """Read a notice; return what an answer to it says of it."""
        notice = self._phone.call("GET", f"/v1/notices/{code}").body
        return {name: notice[name] for name in ("code", "version", "language", "sha256")}

    def acknowledge(self, enrolment: str, code: str) -> None:
        """Read a notice and say so."""
        self._teller.words("The notice is read; its hash says exactly which text was shown.")
        self._phone.call("PUT", f"{enrolment}/notice-acknowledgement", self.notice(code))

    def agree(self, enrolment: str, purpose: str, why: str) -> None:
        """Give one consent."""
        self._teller.words(why)
        self._phone.call("PUT", f"{enrolment}/consents/{purpose}", self.notice(purpose))

    def begin(self, person: Person, relationship: str, words: str) -> str:
        """Open an enrolment and say whom it is about; what an earlier run has left is put away first."""
        self._teller.words("A new application; what it waits for is always in `next`.")
        enrolment = self.open_enrolment("family_member")
        self.acknowledge(enrolment, "family-account")
        self._teller.words(words)
        body = {"name": person.name, "social_security_number": person.number, "relationship": relationship}
        given = self._phone.call("PUT", f"{enrolment}/details", body, expect=(200, 409))
        if given.status == 409:
            self.put_away(given)
            self._teller.words("Now it can be said again.")
            given = self._phone.call("PUT", f"{enrolment}/details", body)
        self.require(given, state="documents_pending")
        return enrolment

    def put_away(self, refused: Reply) -> None:
        """End what stands in the way since an earlier run; the refusal leads to it."""
        if refused.problem == "already-member":
            self._teller.words(
                "This relative is in the family since an earlier walkthrough. Either side may end a link at any time:"
            )
        elif refused.problem == "already-adding":
            self._teller.words(
                "An earlier walkthrough has begun this and did not finish. That application is cancelled:"
            )
        else:
            raise Unexpected(f"The details were refused: {refused.problem} ({refused.body.get('detail', '')})")
        self._phone.call("DELETE", refused.next_href, expect=(204,))

    def send_paper(self, enrolment: str, kind: str, person: Person, words: str) -> None:
        """Send a photo of a paper."""
        self._teller.words(
            f"{words} It is checked by its content, drawn anew without its metadata, sealed, and deleted on a schedule."
        )
        paper = self._phone.picture(f"/dev/people/{person.label}/pictures/{kind}")
        self._phone.call("PUT", f"{enrolment}/documents/{kind}", paper)

    def check_face(self, enrolment: str) -> None:
        """Pass a face check on this phone."""
        started = self._phone.call("POST", f"{enrolment}/face-checks", {}, expect=(201,), is_once=True)
        checked = self._phone.call("POST", f"/v1/face-checks/{started.body['id']}/completion")
        self.require(checked, state="passed")

    def finish(self, enrolment: str) -> str:
        """Pass the face check that ends an application; return the link."""
        self.check_face(enrolment)
        return self.finished(enrolment)

    def finished(
        self, enrolment: str, words: str = "Passed: the link is active, and the application says where to look now."
    ) -> str:
        """Look at an application that has ended well; return the link."""
        self._teller.words(words)
        done = self._phone.call("GET", enrolment)
        self.require(done, state="active")
        return str(done.body["link_id"])

    def require(self, reply: Reply, *, state: str) -> None:
        """Check that something is in a state.

        Raises:
            Unexpected: it is in another.
        """
        if reply.body.get("state") != state:
            raise Unexpected(f"The state is {reply.body.get('state')}, not {state}.")


def newest_alone(messages: JSON) -> JSON:
    """Leave all messages but the newest out."""
    return {"items": messages["items"][:1]}
