"""Key rings."""
