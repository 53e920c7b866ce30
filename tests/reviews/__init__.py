"""The reviewers' side: queue, claims, looks, decisions."""
