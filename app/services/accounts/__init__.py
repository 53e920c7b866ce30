"""Accounts: registering, signing in, sessions, devices and SMS codes."""
