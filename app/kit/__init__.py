"""What packages of others are checked with before they join a server: `escard face-provider check NAME`."""
