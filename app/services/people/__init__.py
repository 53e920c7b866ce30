"""People: who somebody is, how old, and who they are to each other."""
