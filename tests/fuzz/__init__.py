"""Fuzzes what a store may hold and what a task may do, beside jobs that must not notice."""
