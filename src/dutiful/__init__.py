"""Background jobs that run, whose effects happen once, and that fail loudly."""
