"""Servers that tests may ask for; pytest wants such plugins named at the root."""

from tests.servers.memory import use_memory

pytest_plugins = ("tests.servers.plugin",)

use_memory()
