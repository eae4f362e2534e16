"""Which release of Dutiful this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version


@cache
def release() -> str:
    """Return the version of Dutiful that runs here, as workers register it."""
    return version("dutiful")
