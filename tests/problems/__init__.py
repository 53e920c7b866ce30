"""What refusals look like."""
