"""Wire shapes: what clients send and read."""
