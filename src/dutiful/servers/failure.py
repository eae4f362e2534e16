"""What is raised when a local server cannot be had."""

from __future__ import annotations

from dutiful.core.errors import DutifulError, UsageError


class ServerMissing(UsageError):
    """The server's programs are not installed; the message says how to install them."""


class ServerFailed(DutifulError):
    """A server, or one of its programs, did not do what it was asked; the message quotes it."""
