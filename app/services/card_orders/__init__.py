"""Orders of physical cards: drafted, with a photo, handed in once, followed until the card is collected."""
