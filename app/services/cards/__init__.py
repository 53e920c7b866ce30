"""The e-card: its issue, its password and what its physical card allows."""
