"""Every outcome of an attempt that a worker may decide."""

from __future__ import annotations

from typing import Any

import pytest

from dutiful.core.instant import SECOND
from dutiful.core.outcome import (
    Cancelled,
    Discarded,
    Expired,
    Released,
    Snoozed,
    Succeeded,
    Undecodable,
    Unknown,
)
from dutiful.testing.conformance.moves import FAILED

OUTCOMES: list[Any] = [
    pytest.param(outcome, id=type(outcome).__name__)
    for outcome in (
        Succeeded(b'"ok"'),
        FAILED,
        Snoozed(SECOND),
        Released(),
        Cancelled("enough"),
        Discarded("no use"),
        Unknown(),
        Undecodable("no such field"),
        Expired(),
    )
]
