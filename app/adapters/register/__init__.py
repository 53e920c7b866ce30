"""Citizen registers."""
