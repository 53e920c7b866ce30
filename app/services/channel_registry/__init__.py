"""The registry of channels: which there are, whether they are open, and what may be done in them."""
