"""The tests: one folder a domain, on a real database."""
