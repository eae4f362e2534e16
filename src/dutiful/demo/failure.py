"""Why the demo ended before its verdict."""

from __future__ import annotations

from dutiful.core.errors import DutifulError


class DemoFailed(DutifulError):
    """The demo cannot go on: a process of it ended by itself, or it takes too long."""


class DemoStopped(DutifulError):
    """A signal asked the demo to end."""
