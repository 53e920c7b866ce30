"""What people are told: kept in their home to be read, and handed over to their phones as they wish."""
