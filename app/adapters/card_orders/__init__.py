"""Those who make physical cards."""
