"""Channels: where cards are used, and who hears of it."""
