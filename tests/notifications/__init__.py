"""What people are told, how they read it, and how they wish it."""
