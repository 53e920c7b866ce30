"""The demo's staff at their screens: signed in with two factors, both of which can be read in development."""

from app.walkthrough.phone import Phone
from app.walkthrough.telling import JSON, Teller


class Staff:
    """Lets one of the demo's staff after the other sign in, each at a screen of their own."""

    def __init__(self, phone: Phone, teller: Teller) -> None:
        self._phone = phone
        self._teller = teller

    def signed_in(self, login: str) -> Phone:
        """Return the screen of somebody who has just signed in.

        Raises:
            Unexpected: they cannot.
        """
        screen = self._phone.another()
        operator = self._operator(login)
        if operator["totp"] is None:
            self._teller.words("The code was used a moment ago. Half a minute later there is another one.")
            self._phone.call("POST", "/dev/clock", {"advance_seconds": 30})
            operator = self._operator(login)
        asked = {name: operator[name] for name in ("login", "password", "totp")}
        screen.take_over(screen.call("POST", "/v1/staff/sessions", asked, expect=(201,)).body)
        return screen

    def _operator(self, login: str) -> JSON:
        items = self._phone.ask("/dev/staff").body["items"]
        return next(item for item in items if item["login"] == login)
