"""Enqueueing on connections of the caller."""
