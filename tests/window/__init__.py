"""What is done at a branch's window."""
