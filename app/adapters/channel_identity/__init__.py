"""The platforms of mini programs, and a demo of one."""
