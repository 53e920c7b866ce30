"""The part of the story that plays at an office: the demo's reviewers decide what was brought before people."""

from app.walkthrough.phone import Phone, Unexpected
from app.walkthrough.staff import Staff
from app.walkthrough.telling import JSON, Teller


class Reviewers:
    """Plays the demo's reviewers, each at a screen of their own."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller
        self._staff = Staff(phone, teller)

    def approve_newest(self) -> None:
        """Let as many reviewers as it takes approve the case that was opened last.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        self._teller.words(
            "An office serves the region. Its reviewers sign in with two factors: a password, and the code that an "
            "authenticator app shows, good once. In development both can be read here."
        )
        items = self._phone.call("GET", "/dev/staff").body["items"]
        staff = [item["login"] for item in items if item["role"] == "reviewer"]
        for login in staff:
            screen = self._staff.signed_in(login)
            state = self._approve(screen)
            screen.call("DELETE", "/v1/staff/sessions/current", expect=(204,))
            if state == "approved":
                return
            self._teller.words("It stays open: where it is risky, as with many new members, another has to agree.")
        raise Unexpected("The demo has not as many reviewers as the case takes: run `escard demo` there.")

    def _approve(self, screen: Phone) -> str:
        """Look for the newest case, claim it, look into it, say yes; return the state that it is in then."""
        self._teller.words("The queue names nobody. The most urgent come first; this story's is the newest.")
        waiting = screen.call("GET", "/v1/reviews?limit=100", shown=_newest_alone).body["items"]
        case = f"/v1/reviews/{_newest(waiting)['id']}"
        self._teller.words(
            "Who claims a case holds it for a quarter of an hour, and nobody is given their own family's. Only then it "
            "can be looked into: masked, and each look is written down with owner and member."
        )
        screen.call("POST", f"{case}/claims", expect=(201,), is_once=True)
        seen = screen.call("GET", case).body
        if seen["exhibits"]:
            self._teller.words(
                "Each picture has an address that is good for a minute, in this session alone; who looks and when is "
                "written across it."
            )
        for exhibit in seen["exhibits"]:
            screen.picture(exhibit["href"])
        self._teller.words("They have seen enough. The decision names its reason, one of those the case offers.")
        offered = next(choice for choice in seen["choices"] if choice["decision"] == "approve")
        choice = {"decision": "approve", "reason": offered["reason"]}
        decided = screen.call("POST", f"{case}/decisions", choice, expect=(201,), is_once=True)
        return str(decided.body["state"])


def _newest(waiting: list[JSON]) -> JSON:
    if not waiting:
        raise Unexpected("Nothing waits for people.")
    return max(waiting, key=lambda case: str(case["opened_at"]))


def _newest_alone(queue: JSON) -> JSON:
    others = len(queue["items"]) - 1
    return {"items": [_newest(queue["items"]), *([f"… and {others} more"] if others > 0 else [])]}
