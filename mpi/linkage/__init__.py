"""Record linkage as a pure library: cleaning, blocking, comparing, weighing, deciding, training, clustering. No database, no network."""
