"""The forms of a log line."""

import json
import logging
import math
import sys
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from dutiful.core.event import Event, JobStarted, Settled, WorkerStarted
from dutiful.core.job import Claim, NewJob, stamp
from dutiful.core.secret_texts import secrets
from dutiful.core.settle import Settlement, succeed
from dutiful.observe.formats import ConsoleLayout, JsonLayout
from dutiful.observe.log import UNLOGGED, log
from dutiful.observe.record_fields import RESERVED, extras_of

NONE = secrets([])
STARTED = WorkerStarted(
    app="shop.jobs",
    store="postgresql://me:***@db/shop",
    tasks=("charge", "ship"),
    queues={"billing": 3, "default": 1},
    slots=16,
    processes=2,
    schedules=1,
    version="1.2",
    python="3.11.7",
    pid=42,
)


def record(message: object = "hello", level: int = logging.INFO, **extra: Any) -> Any:
    made = logging.LogRecord("shop", level, "file.py", 1, str(message), (), None)
    vars(made).update(extra)
    return made


def as_json(made: logging.LogRecord, about: dict[str, Any] | None = None, **more: Any) -> Any:
    text = JsonLayout().line(made, about or {}, more.get("hidden", NONE))
    assert "\n" not in text
    return json.loads(text)


def test_json_has_one_object_with_the_names_that_stay() -> None:
    made = record(event_name="Pruned", count=3)
    found = as_json(made, {"job": "j", "worker": "w", "task": "t", "queue": "q", "attempt": 1})
    assert list(found) == [
        *("time", "level", "event", "message", "logger", "worker", "job", "task", "queue"),
        *("attempt", "count"),
    ]
    assert datetime.fromisoformat(found["time"]).tzinfo == UTC
    assert (found["level"], found["event"], found["logger"]) == ("info", "Pruned", "shop")


def test_a_field_of_the_user_never_takes_the_place_of_ours() -> None:
    made = record(time="noon", job="own")
    made.level = 7
    found = as_json(made, {"job": "j"})
    assert (found["time_"], found["level_"], found["job"]) == ("noon", 7, "own")
    assert found["level"] == "info"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (object, "<class 'object'>"),
        (Broken(), "(a Broken that cannot be read)"),
        ({1, 2}, [1, 2]),
        (math.nan, None),
        ("half \ud800", "half \\ud800"),
        ({"a": {("k",): 1}}, {"a": {"('k',)": 1}}),
        (2**80, 2**80),
    ],
)
def test_no_value_costs_the_line(value: object, shown: object) -> None:
    found = as_json(record(value=value))
    assert found["message"] == "hello"
    assert found["value"] == shown
    assert "value=" in ConsoleLayout().line(record(value=value), {}, NONE)


def test_an_exception_is_a_field_and_a_block() -> None:
    try:
        raise ValueError("card hunter2")
    except ValueError:
        made = record(exc_info=sys.exc_info())
    found = as_json(made, hidden=secrets(["hunter2"]))
    assert found["exception"].endswith("ValueError: card ***")
    shown = ConsoleLayout().line(made, {}, secrets(["hunter2"]))
    assert shown.splitlines()[-1] == "ValueError: card ***"


def test_secrets_are_hidden_in_messages_and_fields() -> None:
    hidden = secrets(["hunter2", "123456"])
    made = record("to hunter2", url="x:hunter2@", parts=["hunter2"], pin=123456)
    for text in (JsonLayout().line(made, {}, hidden), ConsoleLayout().line(made, {}, hidden)):
        assert "hunter2" not in text
        assert "123456" not in text


def test_the_console_shows_what_a_terminal_would_obey() -> None:
    shown = ConsoleLayout().line(record("red \x1b[31m\n\tnext \x9b", note="\x1b[0m"), {}, NONE)
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    first, second = shown.splitlines()
    assert first.endswith("INFO     red \\x1b[31m")
    assert second.strip().startswith("next \\x9b")
    assert len(second) - len(second.lstrip()) > len("2026-11-30 10:00:00.000 INFO")


def test_a_terminal_gets_folded_lines_and_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    made = record("word " * 30, job="j" * 36, task="charge")
    plain = ConsoleLayout(terminal=True).line(made, {}, NONE)
    assert max(map(len, plain.splitlines())) <= 80
    assert "\033[" not in plain
    assert len(ConsoleLayout().line(made, {}, NONE).splitlines()) == 1
    assert "\033[32mINFO" in ConsoleLayout(terminal=True, coloured=True).line(made, {}, NONE)


def settled(level: str, slow_after: int | None, took: int, caplog: Any) -> list[Any]:
    job = stamp(NewJob(id="j", task="t", args=b"{}"), 0)
    claim = Claim(_running(job))
    caplog.clear()
    with caplog.at_level(level, "dutiful"):
        log(Settled("w", (succeed(claim, None, 1_000_000 + took),)), slow_after)
    return list(caplog.records)


def _running(job: Any) -> Any:
    from msgspec.structs import replace

    return replace(job, started_at=1_000_000, attempt=1, worker="w")


def test_a_success_is_a_line_at_debug_and_at_info_when_slow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert settled("INFO", 5_000_000, 5_000_000, caplog) == []
    (quick,) = settled("DEBUG", 5_000_000, 5_000_000, caplog)
    assert (quick.levelname, quick.getMessage()) == ("DEBUG", "job j (t) succeeded after 5s")
    (slow,) = settled("INFO", 5_000_000, 5_000_001, caplog)
    assert slow.getMessage() == "job j (t) succeeded after 5s, which is slow"
    assert (slow.event_name, slow.job, slow.task, slow.seconds) == ("Settled", "j", "t", 5.000001)
    assert settled("INFO", None, 10**12, caplog) == []


def test_a_start_is_a_line_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    event = JobStarted("w", "j", "t", "q", 2)
    with caplog.at_level("INFO", "dutiful"):
        log(event)
    assert not caplog.records
    with caplog.at_level("DEBUG", "dutiful"):
        log(event)
    (line,) = caplog.records
    assert line.getMessage() == "job j (t) starts, attempt 2"
    assert extras_of(line) == {"worker": "w", "job": "j", "task": "t", "queue": "q", "attempt": 2}


def test_the_first_line_says_what_the_worker_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "dutiful"):
        log(STARTED)
    (line,) = caplog.records
    assert line.getMessage() == (
        "dutiful 1.2 starts: app shop.jobs, store postgresql://me:***@db/shop, 2 tasks, "
        "queues billing:3 default:1, 16 slots, 2 processes, 1 schedule; Python 3.11.7, pid 42"
    )
    found = as_json(line)
    assert (found["tasks"], found["queues"]) == (["charge", "ship"], {"billing": 3, "default": 1})


def test_no_field_of_an_event_is_an_attribute_of_every_record() -> None:
    for kind in {*get_args(Event)} - UNLOGGED:
        assert not RESERVED.intersection(kind.__struct_fields__), kind


def test_a_settlement_without_a_start_has_no_length(caplog: pytest.LogCaptureFixture) -> None:
    from dutiful.core.state import State

    job = stamp(NewJob(id="j", task="t", args=b"{}"), 0)
    with caplog.at_level("DEBUG", "dutiful"):
        log(Settled("w", (Settlement(Claim(job), State.SUCCEEDED, at=9),)))
    (line,) = caplog.records
    assert line.getMessage() == "job j (t) succeeded after 0s"
