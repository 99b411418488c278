"""Stored queries: one catalogue, from which reading, checking, SQL and the documentation come."""
