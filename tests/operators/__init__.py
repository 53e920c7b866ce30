"""Staff: offices, sign-in with two factors, sessions."""
