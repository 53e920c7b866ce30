"""Those who keep medical personal accounts."""
