"""Reads insurance records: from tables of our own, or from an authority's gateway."""
