"""Capturing lines: any record, any thread, and no trace in `logging` when it is over."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dutiful.core.job import Job
from dutiful.core.redaction import marks
from dutiful.core.state import State
from dutiful.core.task_log import ATTEMPT_BYTES, ATTEMPT_LINES, LogLine, written
from dutiful.worker.captured_log import CAPTURING, AttemptLog, Capture

log = logging.getLogger("tests.captured")
CARD = "4242424242424242"
JOB = Job("j" * 32, "charge", "default", State.RUNNING, 0, b"{}", 3, 9, 0, 0)
SECRET = Job(
    *("j" * 32, "charge", "default", State.RUNNING, 0),
    f'{{"card":"{CARD}"}}'.encode(),
    *(3, 9, 0, 0),
    meta=marks([("card",)]),
)


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    log.setLevel("DEBUG")
    yield
    log.setLevel("NOTSET")


@contextmanager
def alone(last: logging.Handler | None = None) -> Iterator[None]:
    """Take the handlers of the test runner away, some of which fail on some lines."""
    root, before = logging.getLogger(), logging.lastResort
    handlers, logging.lastResort = root.handlers[:], last
    root.handlers.clear()
    try:
        yield
        assert root.handlers == []
    finally:
        root.handlers[:], logging.lastResort = handlers, before


def captured(
    body: Any,
    *,
    job: Job = JOB,
    capture: Capture | None = None,
    last: logging.Handler | None = None,
) -> tuple[LogLine, ...]:
    """Run a body as an attempt whose lines are captured."""
    attempt = AttemptLog(job, capture or Capture(logging.INFO))

    def run() -> None:
        attempt.enter()
        body()

    with alone(last):
        try:
            contextvars.copy_context().run(run)
        finally:
            lines = attempt.close()
    return lines


def test_a_line_has_what_its_record_has() -> None:
    (line,) = captured(lambda: log.warning("%s is %d", "x", 7))
    assert (line.attempt, line.level, line.logger) == (3, "warning", "tests.captured")
    assert (line.message, line.skipped) == ("x is 7", 0)
    assert line.at > 1_700_000_000_000_000


def test_lines_below_the_level_are_left_out() -> None:
    def body() -> None:
        log.debug("no")
        log.info("yes")

    assert [line.message for line in captured(body)] == ["yes"]
    both = captured(body, capture=Capture(logging.DEBUG))
    assert [line.message for line in both] == ["no", "yes"]


def test_a_traceback_stands_below_its_message() -> None:
    def body() -> None:
        try:
            raise ValueError("wrong")
        except ValueError:
            log.exception("caught")

    (line,) = captured(body)
    assert line.message.startswith("caught\nTraceback (most recent call last):\n")
    assert line.message.endswith("ValueError: wrong")


class Hostile:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __str__(self) -> str:
        raise self.error


class Says:
    """Logs when it is written."""

    def __str__(self) -> str:
        log.info("from within")
        return "says"


class Odd(logging.LogRecord):
    def getMessage(self) -> Any:
        return 7


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), SystemExit(3), GeneratorExit(), asyncio.CancelledError(), RecursionError()],
    ids=lambda error: type(error).__name__,
)
def test_a_record_that_raises_costs_only_its_own_text(error: BaseException) -> None:
    def body() -> None:
        log.info(Hostile(error))
        log.info("with %s", Hostile(error))
        log.info("after")

    first, second, third = captured(body)
    assert type(error).__name__ in first.message
    assert second.message.startswith("with %s (its arguments do not fit: ")
    assert third.message == "after"


def test_an_interruption_in_a_record_is_passed_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        captured(lambda: log.info(Hostile(KeyboardInterrupt())))


@pytest.mark.parametrize(
    "fields",
    [
        {"msg": "x", "args": (1, 2, 3)},
        {"name": 7, "levelname": None},
        {"created": float("nan")},
        {"created": "soon"},
        {"name": "n" * 1_000, "levelname": "l" * 1_000},
        {"exc_info": (1, 2, 3)},
        {"exc_info": (None, None, None), "exc_text": "a trace"},
        {"stack_info": 9},
    ],
)
def test_a_strange_record_is_one_line(fields: dict[str, Any]) -> None:
    attempt = AttemptLog(JOB, Capture(logging.INFO))
    record = logging.LogRecord("shop", logging.INFO, "", 1, "message", None, None)
    record.__dict__.update(fields)
    attempt.add(record)
    attempt.add(Odd("shop", logging.INFO, "", 1, "message", (1,), None))
    lines = attempt.close()
    assert len(lines) == 2
    assert len(written(lines)) < 3_000


def test_a_record_that_logs_is_one_line() -> None:
    lines = captured(lambda: log.info("%s", Says()))
    assert [line.message for line in lines] == ["says"]


def test_what_no_store_can_hold_is_escaped() -> None:
    (line,) = captured(lambda: log.info("a\0b \ud800 \x1b[31m \U0001f600"))
    assert line.message == "a\\x00b \\ud800 \x1b[31m \U0001f600"


def test_huge_messages_and_many_lines_take_little_memory() -> None:
    huge = "x" * 10_000_000

    def body() -> None:
        for number in range(20_000):
            log.info("line %d", number)
        for _ in range(30):
            log.info(huge)
            log.info("%s", huge)

    lines = captured(body)
    assert len(lines) <= ATTEMPT_LINES
    assert len(written(lines)) <= ATTEMPT_BYTES
    assert sum(line.skipped for line in lines) + len(lines) == 20_060
    assert sum(sys.getsizeof(line.message) for line in lines) < 4 * ATTEMPT_BYTES


def test_sensitive_values_are_hidden_also_where_a_text_is_cut() -> None:
    phrase = "open sesame, open sesame"

    def body() -> None:
        log.info("card %s of %s", CARD, phrase)
        log.info("x" * 992 + CARD + "y" * 3_000)
        try:
            raise ValueError(CARD)
        except ValueError:
            log.exception(phrase)

    lines = captured(body, job=SECRET, capture=Capture(logging.INFO, secrets=(phrase,)))
    text = "".join(line.message for line in lines)
    assert lines[0].message == "card *** of ***"
    assert "4242" not in text
    assert "sesame" not in text


def test_marks_of_the_code_hide_values_of_old_jobs() -> None:
    old = Job(*("j" * 32, "charge", "default", State.RUNNING, 0), SECRET.args, *(3, 9, 0, 0))
    how = Capture(logging.INFO, sensitive=(("card",),))
    (line,) = captured(lambda: log.info(CARD), job=old, capture=how)
    assert line.message == "***"
    assert CARD not in repr(how)


def test_lines_after_the_end_are_dropped() -> None:
    attempt = AttemptLog(JOB, Capture(logging.INFO))
    context = contextvars.copy_context()
    context.run(attempt.enter)
    assert attempt.close() == ()
    context.run(log.info, "late")
    context.run(attempt.enter)  # a thread that begins after its attempt was given up
    context.run(log.info, "late")
    assert attempt.close() == ()


def test_lines_of_others_are_not_captured() -> None:
    mine, other = (AttemptLog(JOB, Capture(logging.INFO)) for _ in range(2))

    def run(attempt: AttemptLog, text: str) -> None:
        attempt.enter()
        log.info(text)

    contextvars.copy_context().run(run, mine, "mine")
    contextvars.copy_context().run(run, other, "other")
    log.info("nobody's")
    assert [line.message for line in mine.close()] == ["mine"]
    log.info("nobody's")
    assert [line.message for line in other.close()] == ["other"]
    assert CAPTURING.get() is None


def test_threads_add_to_one_attempt() -> None:
    def body() -> None:
        def many() -> None:
            for number in range(2_000):
                log.info("%d", number)

        contexts = [contextvars.copy_context() for _ in range(4)]
        threads = [threading.Thread(target=context.run, args=(many,)) for context in contexts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    lines = captured(body)
    assert sum(line.skipped for line in lines) + len(lines) == 8_000


def test_a_finalizer_that_logs_waits_for_nothing() -> None:
    class Finalized:
        def __init__(self) -> None:
            self.own = self

        def __del__(self) -> None:
            log.info("finalized")

    def body() -> None:
        before = gc.get_threshold()
        gc.set_threshold(5)
        try:
            for number in range(300):
                Finalized()
                log.info("%d", number)
        finally:
            gc.set_threshold(*before)

    lines = captured(body)
    assert sum(line.skipped for line in lines) + len(lines) >= 300


def test_without_other_handlers_warnings_go_where_they_went() -> None:
    shown: list[str] = []

    class Last(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.append(record.getMessage())

    def body() -> None:
        log.warning("careful")
        log.info("not shown")
        logging.getLogger().addHandler(logging.NullHandler())
        log.warning("not shown")
        logging.getLogger().handlers.pop()

    lines = captured(body, last=Last(logging.WARNING))
    assert [line.message for line in lines] == ["careful", "not shown", "not shown"]
    assert shown == ["careful"]


def test_a_task_that_sets_up_logging_loses_only_its_own_lines() -> None:
    def body() -> None:
        log.info("before")
        logging.getLogger().handlers.clear()
        log.info("lost")

    assert [line.message for line in captured(body)] == ["before"]
    assert [line.message for line in captured(lambda: log.info("next"))] == ["next"]
