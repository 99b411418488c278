"""Builders, strategies, clocks and the way to the shared fixtures."""
