"""Terminals: registered at an office with a key of their own; what they ask is signed and heard once."""
