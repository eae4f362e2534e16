"""Sinks: where notifications go, such as chats, mail, and other programs."""
