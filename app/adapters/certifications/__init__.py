"""Authorities that pay benefits for life: one at home, and one behind a gateway."""
