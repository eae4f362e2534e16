"""Alerts as values: what is sampled, which rules look at it, and what follows; no I/O, no clock."""
