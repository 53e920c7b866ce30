"""Face providers."""
