"""The words people read: complete, kind to every language, and free of personal data."""
