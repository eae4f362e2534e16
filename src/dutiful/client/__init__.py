"""Declaring tasks, building jobs, and enqueueing them from sync and async code."""
