"""The one way in which a contract's test is skipped: the engine declares that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dutiful.contract.capability import Capability

T = TypeVar("T", bound=Callable[..., Any])

_MARK = "__requires__"


def requires(*capabilities: Capability) -> Callable[[T], T]:
    """Skip a test, or a whole contract, for engines that do not declare the capabilities."""

    def mark(target: T) -> T:
        setattr(target, _MARK, needs(target) | frozenset(capabilities))
        return target

    return mark


def needs(*targets: Any) -> frozenset[Capability]:
    """Return what tests or contracts require together."""
    found: frozenset[Capability] = frozenset()
    for target in targets:
        found |= getattr(target, _MARK, frozenset())
    return found
