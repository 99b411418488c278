"""The doors of the registry: one file for each transaction."""
