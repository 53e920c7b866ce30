"""Channels: where an e-card is used."""
