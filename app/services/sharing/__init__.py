"""Medical account sharing: whose money a relative may spend, who agreed to it, and how it ends."""
