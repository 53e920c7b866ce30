"""The API as its document tells it."""
