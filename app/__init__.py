"""Puts the house together: settings, wiring, sockets, worker, command line."""
