"""What is due and what is told."""
