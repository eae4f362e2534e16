"""Bringing the schema up to date, and checking whose it is."""
