"""Schedules and their recorded occurrences."""
