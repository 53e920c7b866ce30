"""Presentation codes: issued without a trace for a minute, redeemed once by a terminal."""
