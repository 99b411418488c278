"""The submission rules of ITI TF-3 4.2: what a message must be by itself, and against what is registered."""
