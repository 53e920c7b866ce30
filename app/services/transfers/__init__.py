"""Transfers of social insurance between places: drafted, checked, handed in once, followed to their end."""
