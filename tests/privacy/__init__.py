"""What is held on people: told to them, erased when they want it."""
