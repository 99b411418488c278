"""The doors of a document repository."""
