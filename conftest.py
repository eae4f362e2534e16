"""Servers that tests may ask for; pytest wants such plugins named at the root."""

pytest_plugins = ("tests.servers.plugin",)
