"""What holds the SM2 key."""
