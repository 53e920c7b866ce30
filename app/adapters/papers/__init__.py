"""Draws papers as PDF files."""
