"""Failures of tasks reach a local receiver through the real SDK, from every kind of task."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.observe.receiver import Got, Receiver

APP = """
import os, asyncio, time
import sentry_sdk
from dutiful import App, Cancel, Discard, Retry, Snooze
from dutiful.integrations import sentry

sentry_sdk.init(dsn=os.environ["DSN"], traces_sample_rate=float(os.environ.get("TRACES", "0")))
app = App("sqlite:///jobs.db", version="1.2.3")
sentry.instrument(app, **eval(os.environ.get("OPTIONS", "{}")))

@app.task(retry=Retry(max_attempts=1))
async def on_the_loop(card: str) -> None:
    sentry_sdk.set_tag("of_the_task", "loop")
    raise ValueError("declined on the loop")

@app.task(retry=Retry(max_attempts=1))
def in_a_thread(card: str) -> None:
    raise ValueError("declined in a thread")

@app.task(retry=Retry(max_attempts=1), cpu=True)
def in_a_process(card: str) -> None:
    raise ValueError("declined in a process")

@app.task(retry=Retry(max_attempts=2, delay=0))
def tried_again(card: str) -> None:
    raise ValueError("declined again")

@app.task(retry=Retry(max_attempts=1), timeout=0.2, hard_timeout=0.4)
async def too_slow(card: str) -> None:
    await asyncio.sleep(60)

@app.task(retry=Retry(max_attempts=1))
def given_up(card: str) -> None:
    raise Discard("no such card")

@app.task
def not_failed(card: str) -> None:
    if card == "cancel":
        raise Cancel("not needed")
    if card == "snooze":
        raise Snooze("1h")
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


Run = Callable[..., list[dict[str, Any]]]


def items(got: list[Got]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and payload of each item of the SDK's envelopes."""
    for one in got:
        body = (
            gzip.decompress(one.body) if one.headers.get("content-encoding") == "gzip" else one.body
        )
        _, *lines = body.split(b"\n")
        for head, payload in zip(lines[::2], lines[1::2], strict=False):
            if head:
                yield json.loads(head)["type"], json.loads(payload)


@pytest.fixture
def run(tmp_path: Path, receiver: Receiver) -> Run:
    """Run jobs by a real worker and return the errors that Sentry was sent."""
    (tmp_path / "shop.py").write_text(APP)

    def run(*jobs: str, kind: str = "event", **given: str) -> list[dict[str, Any]]:
        dsn = f"http://public@127.0.0.1:{receiver.port}/1"
        environ = {**os.environ, "DSN": dsn, **given}
        add = "\n".join(["import shop", *(f"shop.{job}" for job in jobs)])
        worker = ["-m", "dutiful", "worker", "shop:app", "--burst"]
        for words in (["-c", add], worker):
            done = subprocess.run(
                [sys.executable, *words],
                cwd=tmp_path,
                env=environ,
                capture_output=True,
                text=True,
                timeout=100,
            )
            assert done.returncode == 0, done.stderr
        return [payload for name, payload in items(receiver.got) if name == kind]

    return run


def enqueued(task: str, card: str = "hunter2") -> str:
    return f"{task}.enqueue({card!r})"


@pytest.mark.slow
def test_every_kind_of_task_is_reported_once(run: Run) -> None:
    tasks = {
        "on_the_loop": "declined on the loop",
        "in_a_thread": "declined in a thread",
        "in_a_process": "declined in a process",
    }
    found = run(*map(enqueued, tasks))
    events = {event["transaction"]: event for event in found}
    assert len(found) == 3
    for task, text in tasks.items():
        event = events[f"shop.{task}" if f"shop.{task}" in events else task]
        [error] = event["exception"]["values"]
        assert (error["type"], error["value"]) == ("ValueError", text)
        assert error["mechanism"] == {"type": "dutiful", "handled": False}
        assert error["stacktrace"]["frames"][-1]["function"] == task
        assert event["transaction_info"] == {"source": "task"}
        assert event["level"] == "error"
        assert event["tags"]["queue"] == "default"
        assert event["tags"]["attempt"] == "1"
        assert event["tags"]["app_version"] == "1.2.3"
        assert len(event["tags"]["job_id"]) > 8
    assert "hunter2" not in json.dumps(found)
    of_the_task = [event["tags"].get("of_the_task") for event in found]
    assert sorted(map(str, of_the_task)) == ["None", "None", "loop"]


@pytest.mark.slow
def test_what_is_tried_again_is_reported_when_it_dies(run: Run) -> None:
    [event] = run(enqueued("tried_again"))
    assert (event["level"], event["tags"]["attempt"]) == ("error", "2")


@pytest.mark.slow
def test_retries_are_reported_where_asked(run: Run) -> None:
    events = run(enqueued("tried_again"), OPTIONS="{'retries': True}")
    said = [(event["level"], event["tags"]["attempt"]) for event in events]
    assert said == [("warning", "1"), ("error", "2")]


@pytest.mark.slow
def test_deaths_without_an_exception_are_reported_too(run: Run) -> None:
    events = run(enqueued("too_slow"), enqueued("given_up"))
    found = {
        (error["type"], error["value"], event["tags"]["reason"])
        for event in events
        for error in event["exception"]["values"]
    }
    assert len(events) == 2
    assert found == {
        ("TimeoutError", "the attempt took longer than its timeout of 0.2 s", "attempts-spent"),
        ("Discard", "no such card", "discarded"),
    }
    assert "hunter2" not in json.dumps(events)


@pytest.mark.slow
def test_what_is_no_failure_is_not_reported(run: Run) -> None:
    assert run(*(enqueued("not_failed", card) for card in ("fine", "cancel", "snooze"))) == []


@pytest.mark.slow
def test_arguments_are_sent_where_asked(run: Run) -> None:
    [event] = run(enqueued("in_a_thread"), OPTIONS="{'arguments': True}")
    assert event["extra"]["arguments"] == {"card": "hunter2"}
    frame = event["exception"]["values"][0]["stacktrace"]["frames"][-1]
    assert frame["vars"]["card"] == "'hunter2'"


@pytest.mark.slow
def test_transactions_carry_the_conventions_of_queues(run: Run) -> None:
    [found] = run(enqueued("on_the_loop"), kind="transaction", TRACES="1")
    trace = found["contexts"]["trace"]
    assert (trace["op"], trace["origin"]) == ("queue.task.dutiful", "auto.queue.dutiful")
    assert trace["status"] == "internal_error"
    assert trace["data"]["messaging.destination.name"] == "default"
    assert found["transaction"].endswith("on_the_loop")
