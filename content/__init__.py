"""Looks into documents, and writes those that are our own."""
