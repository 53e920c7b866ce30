"""Keys, peppers and suites are replaced while people are served."""
