"""Audit messages (ATNA, ITI-20): the model and its XML, one function for each event, syslog, and the way out."""
