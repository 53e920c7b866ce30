"""What the product asks of the outside world; adapters answer."""
