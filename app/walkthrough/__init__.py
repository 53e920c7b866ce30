"""Plays the whole flow against a server, as a client would, and tells it as a story."""
