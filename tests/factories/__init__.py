"""Makers of what tests need, with defaults: a test says only what it is about."""
