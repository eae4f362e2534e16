"""A module of a user's that cannot be imported."""

from importlib import import_module

app = import_module("no_such_name").app
