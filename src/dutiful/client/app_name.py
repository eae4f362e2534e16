"""Names an app without a name after the module that made it."""

from __future__ import annotations

import inspect
from pathlib import Path


def defining_module() -> str:
    """Name the module that called the caller, as another process that imports it would."""
    caller = inspect.stack(0)[2].frame
    names = caller.f_globals
    module = str(names.get("__name__", "app"))
    return Path(str(names.get("__file__", "app"))).stem if module == "__main__" else module
