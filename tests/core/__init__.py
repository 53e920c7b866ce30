"""The floor: what knows nothing of social security."""
