"""The story that a stranger sees first."""
