"""The family page, members and owners."""
