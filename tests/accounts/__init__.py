"""Accounts, sign-in, sessions, devices, tokens."""
