"""Enqueueing on connections of the caller, one file for each library they come from."""
