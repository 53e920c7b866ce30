"""The national gateway: register, rights, card orders and medical accounts behind one address."""
