"""The e-card and its password."""
