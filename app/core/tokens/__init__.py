"""Tokens, signed addresses and published signatures: made and checked here alone."""
