"""One part of a long list, and the cursor that asks for the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from dutiful.core.errors import BadOption
from dutiful.core.text import shown, whole

T = TypeVar("T")

LIMIT = 50
LIMIT_MAX = 10_000


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One part of a list; iterating over it and `len` see its items."""

    items: tuple[T, ...]
    next_cursor: str | None = None
    """Pass it as ``after`` to get the next page; None means that this page is the last."""

    def __iter__(self) -> Iterator[T]:
        """Iterate over the items of this page only."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count the items of this page."""
        return len(self.items)

    def __bool__(self) -> bool:
        """Whether this page has an item."""
        return bool(self.items)


def page_limit(limit: object) -> int:
    """Return how many items a page may have; BadOption unless it is 1 to `LIMIT_MAX`."""
    if type(limit) is not int or not 0 < limit <= LIMIT_MAX:
        raise BadOption(f"limit={shown(limit)}; use 1 to {LIMIT_MAX:,}")
    return limit


def cursor(after: object) -> str | None:
    """Return a cursor as text; BadOption for anything that is neither text nor None."""
    try:
        return None if after is None else whole(after, "cursor")
    except BadOption:
        raise BadOption(f"cursor {shown(after)}; pass on the cursor of the page before") from None
