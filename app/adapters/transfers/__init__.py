"""Those who move social insurance between places."""
