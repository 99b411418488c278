"""The doors of the audit record repository."""
