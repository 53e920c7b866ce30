"""Ways to people's phones."""
