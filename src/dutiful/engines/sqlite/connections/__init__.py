"""Connections to the file, and who may write to it."""
