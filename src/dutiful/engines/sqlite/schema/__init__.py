"""Applying the migrations of the file."""
