"""Record linkage as a pure library, without database or network: clean, block, compare, weigh, decide, train, cluster."""
