"""What is left when the server is killed."""
