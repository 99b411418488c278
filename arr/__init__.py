"""The audit record repository: append-only, each record bound to the one before, searchable, verifiable."""
