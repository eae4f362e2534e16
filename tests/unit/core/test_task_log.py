"""What is kept of the lines that tasks log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dutiful.core.task_log import (
    ATTEMPT_BYTES,
    ATTEMPT_LINES,
    JOB_BYTES,
    JOB_LINES,
    STORED_MAX,
    UNREADABLE,
    KeptLines,
    LogLine,
    cut,
    joined,
    read_log,
    storable,
    written,
)


def line(message: str, skipped: int = 0) -> LogLine:
    return LogLine(1, 5, "info", "shop", message, skipped)


def kept(messages: list[str], **bounds: int) -> tuple[LogLine, ...]:
    lines = KeptLines(**bounds)
    for message in messages:
        lines.add(line(message))
    return lines.kept()


def test_few_lines_are_all_kept() -> None:
    assert kept(["a", "b"]) == (line("a"), line("b"))
    assert kept([]) == ()


def test_of_many_the_first_and_the_last_are_kept() -> None:
    found = kept([str(number) for number in range(1_000)])
    half = ATTEMPT_LINES // 2
    assert [int(one.message) for one in found] == [*range(half), *range(1_000 - half, 1_000)]
    assert [one.skipped for one in found if one.skipped] == [1_000 - ATTEMPT_LINES]
    assert found[half].skipped == 1_000 - ATTEMPT_LINES


def test_long_lines_count_by_their_bytes() -> None:
    found = kept([f"{number} " + "\u20ac" * 1_000 for number in range(100)])
    assert len(written(found)) <= ATTEMPT_BYTES
    assert len(written(found)) > ATTEMPT_BYTES - 2 * 3_100
    assert found[0].message.startswith("0 ")
    assert found[-1].message.startswith("99 ")
    assert sum(one.skipped for one in found) + len(found) == 100


def test_one_huge_line_is_kept_alone_at_the_end() -> None:
    found = kept(["a", "x" * 100_000], lines_max=4, bytes_max=1_000)
    assert [len(one.message) for one in found] == [1, 100_000]


@given(
    st.lists(st.lists(st.integers(0, 6_000), max_size=150), max_size=12),
)
def test_a_job_keeps_so_much_however_many_attempts_it_has(attempts: list[list[int]]) -> None:
    stored: bytes | None = None
    for number, sizes in enumerate(attempts):
        lines = KeptLines()
        for size in sizes:
            lines.add(LogLine(number, 5, "info", "shop", "x" * size))
        stored = joined(stored, lines.kept())
        found = read_log(stored)
        assert len(found) <= JOB_LINES
        assert len(stored) <= JOB_BYTES + 10
        whole = sum(len(one) for one in attempts[: number + 1])
        assert len(found) + sum(one.skipped for one in found) == whole
        if attempts[number]:
            assert found[-1].attempt == number


def test_numbers_that_are_far_too_high_do_not_grow() -> None:
    lines = KeptLines(2, 100)
    for _ in range(5):
        lines.add(line("x", skipped=2**53))
    stored = written(lines.kept())
    assert read_log(stored) == lines.kept()


STRANGE: list[Any] = [
    b"",
    b"{",
    b"\xff",
    b"null",
    b"{}",
    b'[{"attempt":1}]',
    b"[" * 100_000,
    b'[["x"]]',
    "[}",
    17,
    1.5,
    b'[{"attempt":-1,"at":0,"level":"","logger":"","message":""}]',
    b'[{"attempt":1,"at":99999999999999999999,"level":"","logger":"","message":""}]',
    b'[{"attempt":1,"at":0,"level":"","logger":"","message":"\\ud800"}]',
    b"[]" + b" " * STORED_MAX,
]


@pytest.mark.parametrize("stored", STRANGE, ids=range(len(STRANGE)))
def test_whatever_is_stored_one_line_takes_its_place(stored: Any) -> None:
    (found,) = read_log(stored)
    assert found.message == UNREADABLE
    again = read_log(joined(stored, [line("new")]))
    assert [one.message for one in again] == [UNREADABLE, "new"]


def test_a_text_that_is_json_is_read() -> None:
    assert read_log(written([line("x")]).decode()) == (line("x"),)


def test_a_long_text_loses_its_middle() -> None:
    text = cut("a" * 1_000 + "b" * 1_000, 100)
    assert text == "a" * 50 + "\n... 1900 characters left out ...\n" + "b" * 50


@given(st.text(st.characters(), max_size=50))
def test_any_text_can_be_stored(text: str) -> None:
    clean = storable(text)
    assert "\0" not in clean
    assert json.loads(written([line(clean)]))[0]["message"] == clean
