"""The OpenAPI document, finished for those who write clients."""
