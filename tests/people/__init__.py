"""People: numbers, names, phones, ages and relationships."""
