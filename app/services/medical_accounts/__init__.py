"""Medical personal accounts: what is in them, and the book that says why."""
