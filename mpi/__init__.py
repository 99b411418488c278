"""Master Patient Index: PIX manager and PDQ supplier."""
