"""Who reads documents."""
