"""How the example can behave: as the contract says, and as badly as real gateways do."""

from national_envelopes import JSON

OTHER_ORDER = "00008d11-0000-8000-8000-000000000000"
MOODS = {
    "answers": "as the contract says",
    "older": "the same, with the other success code",
    "down": "HTTP 503",
    "busy": "a signed answer that says: not now",
    "slow": "a minute late",
    "unheard": "does what is asked, and loses the answer once",
    "other_person": "tells of somebody else",
    "other_order": "tells of another order",
    "garbage": "a page instead of an envelope",
    "twice": "two envelopes in one answer",
    "forged": "signed by somebody else",
    "replayed": "an earlier answer to the same method",
    "stale": "signed an hour ago",
    "in_the_clear": "not sealed, whatever was agreed",
    "wrong_code": "a success code that is none",
}


def lie(mood: str, content: JSON) -> JSON:
    """Return what is said of somebody or something else, where that is the mood."""
    if mood == "other_person" and "accounts" in content:
        return {"accounts": [{"aac002": "100101199001010018", "balance": "9.99"}]}
    if mood == "other_person" and "aac002" in content:
        return {"aac002": "100101199001010018", "aaz500": "X00000000"}
    if mood == "other_order" and "orders" in content:
        return {"orders": [{"order_no": OTHER_ORDER, "amount": "9.99", "given_back": False}]}
    if mood == "other_order" and "order_no" in content:
        return {"order_no": OTHER_ORDER}
    return {}
