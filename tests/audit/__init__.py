"""What was written down stays written."""
