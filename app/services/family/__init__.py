"""The family page, and what owners and members do with their links."""
