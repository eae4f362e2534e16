"""Modules of the system, with the functions that they had before any task could replace them."""

from __future__ import annotations

import gc as gc
import os as os
import resource as resource
import signal as signal
import time as time
from types import ModuleType

TYPE_CHECKING = False
"""The same as in ``typing``, whose import would take long."""


def _copied(module: ModuleType) -> ModuleType:
    copy = ModuleType(module.__name__, module.__doc__)
    vars(copy).update(vars(module))
    return copy


if not TYPE_CHECKING:
    gc, os, resource, signal, time = map(_copied, (gc, os, resource, signal, time))
