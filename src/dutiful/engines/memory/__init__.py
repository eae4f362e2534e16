"""Jobs in the memory of one process: the simplest implementation of what an engine does."""

from .engine import MemoryEngine

__all__ = ["MemoryEngine"]
