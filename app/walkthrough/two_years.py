"""The long story: two years of one family, from a birth to a death, on a server whose clock can be moved."""

from collections.abc import Callable
from typing import Final

from app.walkthrough.people import Person, named, only
from app.walkthrough.phone import Phone, Unexpected
from app.walkthrough.reviewing import Reviewers
from app.walkthrough.steps import Steps
from app.walkthrough.telling import JSON, Teller

_CAST: Final = ("owner", "newborn", "child-15", "parent-68", "parent-mother")
_ADOPTED_SON: Final = "27"
_DAUGHTER: Final = "30"
_FATHER: Final = "51"
_MOTHER: Final = "52"
_LIVE_FACE: Final = 16
_REASON: Final = "owner_unknown"


class TwoYears:
    """Tells it; `tell` is all of it."""

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
        owner, baby, son, father, mother = named(listed, *_CAST)
        self._teller.chapter("A man and his card")
        self._steps.account()
        self._steps.own_card(owner)
        self._first_card(baby, self._birth(baby))
        links = self._more_family(son, father, mother)
        self._transfer()
        self._rights()
        self._certify(links[father])
        self._sixteen(links[son])
        self._lost_card(owner)
        self._dispute(mother)
        self._death(father, links[father])
        self._looking_back(links[son])

    def _birth(self, baby: Person) -> str:
        self._teller.chapter("A birth")
        self._teller.words(
            "His daughter is a few weeks old: no portrait, no card. Papers prove whose child she is, before two people."
        )
        self._steps.step_up()
        enrolment = self._steps.begin(baby, _DAUGHTER, "He says whom he adds: a daughter (GB/T 4761: 30).")
        for purpose in ("identity-document", "minor-data", "face-check"):
            self._steps.agree(enrolment, purpose, "Each consent is asked apart.")
        self._steps.send_paper(enrolment, "birth_certificate", baby, "A photo of the birth certificate.")
        photo = self._phone.picture(f"/dev/people/{baby.label}/pictures/facial_photo")
        self._phone.call("PUT", f"{enrolment}/documents/facial_photo", photo)
        asked = {"reason": "face_not_possible"}
        self._phone.call("POST", f"{enrolment}/review-requests", asked, expect=(201,), is_once=True)
        Reviewers(self._phone.another(), self._teller).approve_newest()
        return self._steps.finished(enrolment)

    def _first_card(self, baby: Person, link: str) -> None:
        self._teller.chapter("A card for the baby")
        self._teller.words("There is no e-card before there is a card. He orders one; a draft first, then the photo.")
        self._phone.call("GET", f"/v1/holders/{link}/card")
        office = self._phone.call("GET", "/v1/offices?region=100101").body["items"][0]["id"]
        asked = {"reason": "first", "office_id": office}
        orders = f"/v1/holders/{link}/card-orders"
        here = f"{orders}/{self._phone.call('POST', orders, asked, expect=(201,), is_once=True).body['id']}"
        self._teller.words("The photo is measured: size, background, sharpness. What is wrong with it would be said.")
        photo = self._phone.picture(f"/dev/people/{baby.label}/pictures/card_photo")
        self._phone.call("PUT", f"{here}/photo-consent", self._steps.notice("card-photo"), expect=(204,))
        self._phone.call("PUT", f"{here}/photo", photo)
        self._phone.call("POST", f"{here}/submission", expect=(201,), is_once=True)
        self._phone.wait_until(here, lambda order: bool(order["as_of"]))
        self._steps.let_pass(30, "A month later.")
        self._phone.wait_until(here, _in("collected"))
        self._steps.require(self._phone.call("GET", here), state="collected")
        self._teller.words("The card was collected at the branch, and her e-card has come by itself.")
        self._phone.wait_until(f"/v1/holders/{link}/card", lambda card: card["status"] == "issued")
        self._phone.call("GET", f"/v1/holders/{link}/card")

    def _more_family(self, son: Person, father: Person, mother: Person) -> dict[Person, str]:
        self._teller.chapter("A son of 15, a father, a mother")
        self._steps.step_up()
        added = {}
        for person, relationship in ((son, _ADOPTED_SON), (father, _FATHER), (mother, _MOTHER)):
            enrolment = self._steps.begin(person, relationship, f"The next is {person.age}.")
            self._steps.agree(enrolment, "identity-document", "Papers are taken only after the consent for them.")
            self._steps.agree(enrolment, "face-check", "And so are faces.")
            kind = "household_register" if person.age < _LIVE_FACE else "id_card_front"
            self._steps.send_paper(enrolment, kind, person, "A photo of a paper.")
            if person.age < _LIVE_FACE:
                self._teller.words("Under 16 a facial photo is compared; whoever is older looks into the camera.")
                photo = self._phone.picture(f"/dev/people/{person.label}/pictures/facial_photo")
                self._phone.call("PUT", f"{enrolment}/documents/facial_photo", photo)
            added[person] = self._steps.finish(enrolment)
        return added

    def _transfer(self) -> None:
        self._teller.chapter("A move to another town")
        self._teller.words(
            "He works in another town now, and takes his pension insurance along. A draft says what stands in the way."
        )
        asked = {"insurance": "pension", "from_region": "100101", "to_region": "100201"}
        draft = self._phone.call("POST", "/v1/holders/me/transfers", asked, expect=(201,), is_once=True).body
        here = f"/v1/holders/me/transfers/{draft['id']}"
        self._teller.words("Nothing does. He hands it in; it leaves a moment later, once, whatever is lost on the way.")
        self._phone.call("POST", f"{here}/submission", expect=(200, 201, 202), is_once=True)
        self._phone.wait_until(here, lambda transfer: bool(transfer["as_of"]))
        self._steps.let_pass(4, "Four days later the new place has begun to look at it.")
        self._phone.wait_until(here, _in("reviewing_at_new_place"))
        self._steps.let_pass(60, "Two months later.")
        self._teller.words("One timeline, in words, with the places' own codes and what each leg may take.")
        self._phone.wait_until(here, _in("done"))
        self._steps.require(self._phone.call("GET", here), state="done")

    def _certify(self, link: str) -> None:
        self._teller.chapter("Still alive")
        here = f"/v1/holders/{link}/benefit-certifications"
        self._teller.words(
            "His father draws a pension, and has to show once a year that he lives. Whoever forgets is not paid; so "
            "the family is reminded 60, 30, 7 and 1 day before. This is where he stands:"
        )
        self._phone.call("GET", here)
        self._teller.words(
            "He visits, and looks into his son's phone. It is his face that counts, never his son's; who cannot, goes "
            "to a counter or asks for a visit at home."
        )
        asked = {"way": "face", "consent": self._steps.notice("face-check")}
        begun = self._phone.call("POST", here, asked, expect=(201,), is_once=True).body
        certification = f"{here}/{begun['id']}"
        if begun["face_check"]:
            self._phone.call("POST", f"/v1/face-checks/{begun['face_check']['id']}/completion")
        self._phone.wait_until(certification, _in("passed"))
        self._teller.words("The authority was told, once, and has confirmed it.")
        self._steps.require(self._phone.call("GET", certification), state="passed")

    def _rights(self) -> None:
        self._teller.chapter("Rights and interests")
        self._teller.words("Two authorities keep five insurances; were one of them silent, the other would be shown.")
        self._phone.call("GET", "/v1/holders/me/rights")
        self._phone.call("GET", "/v1/holders/me/rights/pension/contributions?limit=2")

    def _sixteen(self, link: str) -> None:
        self._teller.chapter("A sixteenth birthday")
        self._teller.words("His son was added with a photo. The family page says what will change, and when.")
        member = self._phone.call("GET", f"/v1/family/members/{link}").body
        birthday = next(change["on"] for change in member["changes"] if change["kind"] == "live_face")
        self._phone.call("POST", f"/v1/holders/{link}/card/codes")
        self._steps.let_pass_until(birthday, "Midnight in China. He is 16: it is he who decides what his card is for.")
        self._refused(f"/v1/holders/{link}/card/codes", "service-not-shared", method="POST")
        self._teller.words(
            "To look is still allowed. For the rest he looks into the camera, and agrees to each thing by himself."
        )
        here = f"/v1/family/members/{link}/reconfirmations"
        asked = self._steps.notice("face-check") | {"services": ["view", "show_code"], "way": "face"}
        begun = self._phone.call("POST", here, asked, expect=(201,), is_once=True).body
        self._phone.call("POST", f"/v1/face-checks/{begun['face_check']['id']}/completion")
        self._teller.words(
            "His father shows his card again, as long as he likes that. Filing in his name he has kept to himself."
        )
        self._phone.call("POST", f"/v1/holders/{link}/card/codes")

    def _lost_card(self, owner: Person) -> None:
        self._teller.chapter("A lost card")
        self._teller.words(
            "He has lost his wallet and reports the card lost at his bank. The register says so; the e-card follows at "
            "once: it shows no code, and to ask with it takes a consent of his own."
        )
        self._phone.call("POST", f"/dev/people/{owner.label}", {"card_status": "lost"})
        card = self._phone.call("GET", "/v1/holders/me/card").body
        _expect("a lost card shows no code", {"show_code": False, "query": False}, card["allows"])
        self._refused("/v1/holders/me/rights", "lost-card-consent-needed")
        here = "/v1/holders/me/card/lost-card-consent"
        self._phone.call("PUT", here, self._steps.notice("lost-card"), expect=(204,))
        card = self._phone.call("GET", "/v1/holders/me/card").body
        _expect("agreed to, it is asked with", {"show_code": False, "query": True}, card["allows"])
        self._teller.words("Two weeks later he collects another one. It is the same e-card, with the new number on it.")
        self._phone.call("POST", f"/dev/people/{owner.label}", {"card_status": "normal", "new_card": True})
        again = self._phone.call("GET", "/v1/holders/me/card").body
        _expect("a new card shows codes", {"show_code": True}, again["allows"])

    def _dispute(self, mother: Person) -> None:
        self._teller.chapter("A dispute")
        self._teller.words("His mother has a phone of her own by now, and sees there who acts for her.")
        hers = self._phone.another()
        steps = Steps(hers, self._teller)
        steps.account()
        steps.own_card(mother)
        page = hers.call("GET", "/v1/family").body
        link = page["owners"][0]["link_id"]
        self._teller.words("They have fallen out. She objects: from this moment he can do nothing for her.")
        hers.call("POST", f"/v1/family/owners/{link}/disputes", {"reason": _REASON}, expect=(201,), is_once=True)
        self._refused(f"/v1/holders/{link}/card", "link-frozen")
        Reviewers(self._phone.another(), self._teller).approve_newest()
        self._teller.words("People agreed with her: the link is over.")
        self._refused(f"/v1/holders/{link}/card", "not-found")

    def _refused(self, path: str, problem: str, method: str = "GET") -> None:
        refused = self._phone.call(method, path, expect=(403, 404, 409))
        _expect(f"{path} is refused", {"code": problem}, refused.body)

    def _death(self, father: Person, link: str) -> None:
        self._teller.chapter("A death")
        self._teller.words("His father dies. The register hears of it, and the link ends by itself.")
        self._phone.call("POST", f"/dev/people/{father.label}", {"is_alive": False})
        self._phone.wait_until("/v1/family", lambda page: link not in {each["link_id"] for each in page["members"]})
        self._refused(f"/v1/holders/{link}/card", "not-found")

    def _looking_back(self, son: str) -> None:
        self._teller.chapter("Looking back")
        self._teller.words("Whatever concerned him is in a list of his, in the language he asks for.")
        self._phone.call("GET", "/v1/notifications?limit=50")
        self._teller.words("And everything that is held on him is his to take along.")
        self._steps.step_up()
        self._phone.call("GET", "/v1/me/data", shown=_sizes)


def _sizes(data: JSON) -> JSON:
    """Say how much there is of each kind, instead of all."""
    return {"held": {name: len(rows) for name, rows in data["held"].items()}}


def _in(state: str) -> Callable[[JSON], bool]:
    return lambda read: bool(read["state"] == state)


def _expect(what: str, wanted: JSON, said: JSON) -> None:
    """Check that an answer says this among other things.

    Raises:
        Unexpected: it does not.
    """
    if wrong := {name: said.get(name) for name, value in wanted.items() if said.get(name) != value}:
        raise Unexpected(f"It should be that {what}; but the answer says {wrong}.")
