"""Whether a process is well, as its health checks answer."""

from __future__ import annotations

from typing import NamedTuple


class ProcessHealth(NamedTuple):
    """What a process says about itself."""

    healthy: bool
    """Whether it should go on; otherwise its supervisor should restart it."""
    ready: bool
    """Whether it does its work now."""
    problems: tuple[str, ...] = ()
