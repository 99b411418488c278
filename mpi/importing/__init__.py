"""Many records at once: from a CSV file into the index, linked as a batch, and clusters out again."""
