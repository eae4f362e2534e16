"""The connections that callers bring along, one file for each library they come from."""
