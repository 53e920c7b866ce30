"""Filings: what transfers and card orders share."""
