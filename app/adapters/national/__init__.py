"""The national gateway: register, rights and card orders behind one address (docs/national-gateway.md)."""
