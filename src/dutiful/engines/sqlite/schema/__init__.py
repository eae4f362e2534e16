"""Bringing the file's schema up to date."""
