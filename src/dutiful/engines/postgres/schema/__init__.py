"""Applying migrations, and checking that the database and its rights are the right ones."""
