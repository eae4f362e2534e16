"""What a stored column may be made to hold: whatever the database takes."""

from __future__ import annotations

import json
from typing import NamedTuple

from hypothesis import strategies as st

Value = int | float | str | bytes | bool | None

TABLES = (
    *("job", "job", "job", "failure", "step", "job_log", "schedule", "occurrence", "edition"),
    *("worker", "worker", "alert", "alert", "activity"),
)
"""Where to write; jobs more often than the rest."""


class NotText(NamedTuple):
    """Bytes to be stored as text, though they are no UTF-8."""

    raw: bytes


class Plant(NamedTuple):
    """One value for one column of one row; ``place`` and ``column`` choose which."""

    table: str
    place: int
    column: int
    running: bool
    """Whether the row, if a job's, is made to run under a worker that is not there."""
    kind: int
    number: int
    fraction: float
    text: str
    raw: bytes
    twin: int = 9
    """Below 3, if the row is a job's: with another row it is given one unique key, held in odd
    states, or it is due with the lowest or the highest priority."""

    def value(self, kind: str = "") -> Value | NotText:
        """Return what to write: what a column of some type takes, or anything where it has none."""
        if self.kind % 6 == 0:
            return None
        match kind:
            case "bigint":
                return self.number
            case "integer":
                return (self.number + 2**31) % 2**32 - 2**31
            case "smallint":
                small = (self.number + 2**15) % 2**16 - 2**15
                return small if self.kind % 2 else small % 9 - 1
            case "boolean":
                return self.number % 2 == 0
            case "text":
                return self.text
            case "bytea":
                return self.raw
            case _:
                anything = (self.number, self.fraction, self.text, self.raw, NotText(self.raw))
                return anything[self.kind % 6 - 1]


_NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 7, 2**15 - 1, 2**31 - 1, 2**31, 2**63 - 1, -(2**63), -(2**31)]),
)
_DEEP = "[" * 990 + "]" * 990
_TEXTS = st.one_of(
    st.sampled_from(
        [
            *('{"order": 42}', "[1]", "null", '[null, "a"]', '"x"', "{", "[]", "{}", "true"),
            *('{"redriven": "by Bob"}', "", " ", "\x1b[31m", "a\nb", "\u2028", "row:1", _DEEP),
            *("default", "good", "start", "0", "9999999999999999999999", "\U0001f600", "\u202e"),
        ]
    ),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ).map(json.dumps),
)
_BLOBS = st.one_of(
    st.binary(max_size=40), _TEXTS.map(str.encode), st.binary(max_size=8).map(b"\xff".__add__)
)


def plants(count: int) -> st.SearchStrategy[list[Plant]]:
    """Draw what to write."""
    one = st.builds(
        Plant,
        table=st.sampled_from(TABLES),
        place=st.integers(0, 10_000),
        column=st.integers(0, 10_000),
        running=st.booleans(),
        kind=st.integers(0, 11),
        number=_NUMBERS,
        fraction=st.floats(allow_nan=False),
        text=_TEXTS,
        raw=_BLOBS,
        twin=st.integers(0, 8),
    )
    return st.lists(one, min_size=count, max_size=count)
