"""The story: an owner gets a card of their own and adds a child and both parents."""

import secrets
from typing import Final

from app.walkthrough.people import CAST, Cast, Person, only
from app.walkthrough.phone import Phone, Unexpected
from app.walkthrough.reviewing import Reviewers
from app.walkthrough.steps import Steps, newest_alone
from app.walkthrough.telling import Teller

_SON: Final = "20"
_FATHER: Final = "51"
_MOTHER: Final = "52"
_MESSAGE_SECONDS: Final = 15


class Story:
    """Tells it on one phone; `tell` is all of it."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller
        self._steps = Steps(phone, teller)

    def tell(self) -> None:
        """Play and tell everything.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        cast = self._cast()
        self._teller.chapter("An account")
        self._steps.account()
        self._teller.chapter("A card of his own")
        self._steps.own_card(cast.owner)
        self._step_up()
        child = self._add_child(cast.child)
        father = self._add_father(cast.father)
        mother = self._add_mother(cast.mother)
        self._family(cast, {child, father, mother})
        self._show_card(child)

    def _cast(self) -> Cast:
        self._teller.chapter("The people")
        self._teller.words(
            "A development server knows test people: they are nobody, so everything can be tried on them. "
            "Four of them play here: an owner, his son of 9, his father of 68 and his mother."
        )
        return Cast.of(self._phone.call("GET", "/dev/people", shown=only(*CAST)).body["items"])

    def _step_up(self) -> None:
        self._teller.chapter("My → Family Service → Add")
        self._teller.words(
            "Adding a relative takes a card password given within the last five minutes. Without it the server says "
            "what is missing (RFC 9470) …"
        )
        refused = self._phone.call("POST", "/v1/enrolments", {"kind": "family_member"}, expect=(401,), is_once=True)
        if refused.problem != "card-password-required":
            raise Unexpected(f"The step-up was refused as {refused.problem}, not as card-password-required.")
        self._teller.words("… and with it there is a token that says so.")
        self._steps.step_up()

    def _add_child(self, child: Person) -> str:
        self._teller.chapter(f"His son, {child.age}")
        enrolment = self._steps.begin(child, _SON, "He says whom he adds, and that it is a son (GB/T 4761: 20).")
        self._steps.agree(enrolment, "identity-document", "Papers are taken only after the consent for them.")
        self._steps.agree(enrolment, "minor-data", "Under 14 everything is sensitive; a parent agrees to that apart.")
        self._steps.agree(
            enrolment, "face-check", "The facial photo is a face, so it needs the consent for faces first."
        )
        self._steps.send_paper(enrolment, "household_register", child, "A photo of the household register's page.")
        self._teller.words("Under 16 a facial photo comes along; with it nothing is missing.")
        photo = self._phone.picture(f"/dev/people/{child.label}/pictures/facial_photo")
        given = self._phone.call("PUT", f"{enrolment}/documents/facial_photo", photo)
        self._steps.require(given, state="face_pending")
        self._teller.words("The photo is compared with the register's portrait. A child need not sit still for it.")
        return self._steps.finish(enrolment)

    def _add_father(self, father: Person) -> str:
        self._teller.chapter(f"His father, {father.age}")
        enrolment = self._steps.begin(father, _FATHER, "The same way begins again, with a father (GB/T 4761: 51).")
        self._steps.agree(enrolment, "identity-document", "Papers are taken only after the consent for them.")
        self._steps.send_paper(enrolment, "id_card_front", father, "A photo of the ID card, front side.")
        self._on_his_own_phone(enrolment)
        return self._steps.finished(enrolment)

    def _add_mother(self, mother: Person) -> str:
        self._teller.chapter("His mother, whose face fails")
        enrolment = self._steps.begin(mother, _MOTHER, "Once more, with a mother (GB/T 4761: 52), who sits beside him.")
        self._steps.agree(enrolment, "identity-document", "Papers are taken only after the consent for them.")
        self._steps.send_paper(enrolment, "id_card_front", mother, "A photo of the ID card, front side.")
        self._steps.agree(enrolment, "face-check", "She reads the notice on his phone, and agrees.")
        self._fail_face(enrolment)
        self._teller.chapter("A reviewer")
        Reviewers(self._phone.another(), self._teller).approve_newest()
        return self._steps.finished(enrolment, "Her son looks again: people said yes, and the link is active.")

    def _fail_face(self, enrolment: str) -> None:
        """Use up what tries are left; an earlier walkthrough may have left none."""
        if left := self._phone.ask(enrolment).body["face"]["tries_left"]:
            self._teller.words(
                "The sandbox plays whatever is asked for: this time the face does not match. Three tries in 24 hours "
                "are hers with this owner; each answer says why it failed and how many are left."
            )
        else:
            self._teller.words("No try is left today; people can be asked at any time, also instead of a face check.")
            asked = {"reason": "face_failed"}
            self._phone.call("POST", f"{enrolment}/review-requests", asked, expect=(201,), is_once=True)
        for _ in range(left):
            played = {"device_meta": {"sandbox_scenario": "face_mismatch"}}
            started = self._phone.call("POST", f"{enrolment}/face-checks", played, expect=(201,), is_once=True)
            checked = self._phone.call("POST", f"/v1/face-checks/{started.body['id']}/completion")
            self._steps.require(checked, state="failed")
        self._teller.words("A face is never the only way: people decide, within five days. No clock runs meanwhile.")
        self._steps.require(self._phone.call("GET", enrolment), state="in_review")

    def _on_his_own_phone(self, enrolment: str) -> None:
        """Hand the face step over; the link's page at `/handover` does in a browser what is told here."""
        self._teller.words(
            "The father lives far away. The owner hands the face step over: a link goes to him by message, a code of "
            "six digits by voice; both are over after a quarter of an hour."
        )
        offer = self._phone.call("POST", f"{enrolment}/handovers", expect=(201,), is_once=True).body
        self._teller.words("On his own phone, without an account, he opens the link and types the code he was told.")
        his = self._phone.another()
        opening = {
            "code": offer["url"].partition("#")[2],
            "spoken_code": offer["spoken_code"],
            "device": {"id": secrets.token_hex(8), "name": "Father's phone", "platform": "web"},
        }
        his.take_over(his.call("POST", "/v1/handovers/openings", opening, expect=(201,), is_once=True).body)
        self._teller.words("He sees who asks for what; he could say no, or that he does not know who asks.")
        his.call("GET", "/v1/handovers/current")
        self._teller.words(
            "From 16 on it is the member who agrees, and who chooses what the link may do. He leaves out filing in his "
            "name."
        )
        shown = self._steps.notice("face-check") | {"services": ["view", "show_code", "certify"]}
        his.call("PUT", "/v1/handovers/current/consents/face-check", shown)
        self._teller.words("A live check before his own camera: blink, turn the head. The sandbox believes him.")
        started = his.call("POST", "/v1/handovers/current/face-checks", {}, expect=(201,), is_once=True)
        self._steps.require(his.call("POST", f"/v1/face-checks/{started.body['id']}/completion"), state="passed")

    def _family(self, cast: Cast, links: set[str]) -> None:
        self._teller.chapter("The family")
        self._teller.words("One page: whom he acts for, what each of them shares, how many places are left.")
        page = self._phone.call("GET", "/v1/family")
        if not links <= {member["link_id"] for member in page.body["members"]}:
            raise Unexpected("The family page does not show all relatives.")
        self._teller.words("Their e-cards came with the link. Each look is written into the member's own record.")
        for link_id in sorted(links):
            self._phone.call("GET", f"/v1/holders/{link_id}/card")
        if cast.father.phone and self._phone.wait_for_message(cast.father.phone, _MESSAGE_SECONDS):
            self._teller.words(
                "Nobody is added behind their back: the father was told, on the phone that the register holds. "
                "Messages go out in Chinese, for nobody has told the service his language."
            )
            self._phone.call("GET", f"/dev/messages?phone={cast.father.phone}", shown=newest_alone)

    def _show_card(self, child: str) -> None:
        self._teller.chapter("At the hospital")
        self._teller.words(
            "The owner takes his son to the hospital and shows his card: a code that lives a minute, drawn as a QR "
            "code. Nothing is written for it. A member's code says that it is the owner who shows it."
        )
        shown = self._phone.call("POST", f"/v1/holders/{child}/card/codes", {"purpose": "medical"})
        self._teller.words(
            "A terminal that is registered there reads it. It signs its request with a key of its own; here the demo's "
            "terminal does so. For a hospital it learns the whole name and number."
        )
        scan = {"code": shown.body["code"]}
        if self._phone.call("POST", "/dev/scans", scan).body["shown_by"] != "owner":
            raise Unexpected("The terminal was not told that it is the owner who shows the card.")
        self._teller.words("Once. A photo of the screen opens nothing, not even within the minute.")
        again = self._phone.call("POST", "/dev/scans", scan, expect=(409,))
        if again.problem != "code-used":
            raise Unexpected(f"The second scan was refused as {again.problem}, not as code-used.")
