"""How the key of a message stands in an address."""


def address_of(folder: str, key: str) -> str:
    """Return the path of a message: its key, with `_` for the colons that some paths do not have."""
    return f"{folder}/{key.replace(':', '_')}"
