"""The floor: what any service of this kind needs; it knows nothing of social security."""
