"""Jobs in the memory of one process: the executable statement of what an engine does."""

from .engine import MemoryEngine

__all__ = ["MemoryEngine"]
