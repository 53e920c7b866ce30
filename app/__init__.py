"""escard: a backend for the electronic social security card with family services."""
