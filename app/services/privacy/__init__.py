"""What is held on somebody: told to them whole, and erased when they want it."""
