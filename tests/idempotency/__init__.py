"""Requests that are repeated under one key."""
