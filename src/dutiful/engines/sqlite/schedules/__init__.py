"""Schedules and what became of their occurrences."""
