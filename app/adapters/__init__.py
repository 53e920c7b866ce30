"""The adapters: one file for each way a port is kept, and the launcher of the embedded database."""
