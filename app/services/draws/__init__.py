"""Draws: payments at terminals out of personal accounts, one's own first, then those that are shared."""
