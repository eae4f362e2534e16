"""What a worker writes to its log, as a program and inside of another program."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, JobFields
from dutiful.worker.job_log import fields_of
from tests.worker.support import burst, environment, stored

MODULE = """
import logging
from typing import Annotated
from dutiful import App, Retry, Sensitive

{setup}
app = App(slow_after="never")
log = logging.getLogger("shop")
Card = Annotated[str, Sensitive]

@app.task
async def in_loop(n: int, card: Card) -> None:
    log.info("loop %d %s", n, card, extra={{"amount": 7}})

@app.task
def in_thread(n: int, card: Card) -> None:
    log.info("thread %d %s", n, card)

@app.task(cpu=True)
def in_child(n: int, card: Card) -> None:
    log.info("child %d %s", n, card)

@app.task(retry=Retry(max_attempts=1))
def failing(n: int, card: Card) -> None:
    try:
        raise ValueError(card)
    except ValueError:
        log.exception("caught")
    raise ValueError(card)
"""
BASIC = 'logging.basicConfig(level="INFO", format="OWN %(name)s %(message)s")'
OWN = """
import logging.config
logging.config.dictConfig({{"version": 1,
  "formatters": {{"own": {{"format": "OWN %(name)s %(message)s"}}}},
  "handlers": {{"err": {{"class": "logging.StreamHandler", "formatter": "own"}}}},
  {loggers} }})
"""
ON_ROOT = OWN.replace("{loggers}", '"root": {{"handlers": ["err"], "level": "INFO"}}')
ON_DUTIFUL = OWN.replace(
    "{loggers}",
    '"loggers": {{"dutiful": {{"handlers": ["err"], "level": "INFO", "propagate": FLAG}}}}',
)
DJANGO = """
import django.conf, django
django.conf.settings.configure(LOGGING={{"version": 1,
  "disable_existing_loggers": {disable},
  "formatters": {{"own": {{"format": "OWN %(name)s %(message)s"}}}},
  "handlers": {{"console": {{"class": "logging.StreamHandler", "formatter": "own"}}}},
  "root": {{"handlers": ["console"], "level": "INFO"}}}})
django.setup()
"""
CARD = "4242424242424242"


def run(path: Path, *options: str, setup: str = "", names: tuple[str, ...] = ()) -> list[str]:
    """Run each task in a worker of its own folder, and return the lines of its log."""
    (path / "shop.py").write_text(
        MODULE.replace("{setup}", setup).replace("{{", "{").replace("}}", "}")
    )
    enqueue = "import shop; [getattr(shop, name).enqueue(5, shop_card) for name in names]"
    code = f"shop_card, names = {CARD!r}, {names or TASKS!r}; {enqueue}"
    env = environment(path)
    subprocess.run([sys.executable, "-c", code], cwd=path, env=env, check=True, timeout=50)
    command = [sys.executable, "-m", "dutiful", "worker", "shop:app", "--burst", *options]
    done = subprocess.run(
        command, cwd=path, env=env, check=True, timeout=55, capture_output=True, text=True
    )
    assert CARD not in done.stderr + done.stdout or "OWN" in done.stderr
    return done.stderr.splitlines()


TASKS = ("in_loop", "in_thread", "in_child")


@contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """Take the handlers of the test runner away, as a program without logging has none."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_each_line_of_a_task_comes_once_and_names_its_job(tmp_path: Path, processes: str) -> None:
    lines = run(tmp_path, "--log-format", "json", "-p", processes)
    found: list[Any] = [json.loads(line) for line in lines]
    for word, task in (("loop", "in_loop"), ("thread", "in_thread"), ("child", "in_child")):
        (line,) = [one for one in found if one["message"] == f"{word} 5 ***"]
        assert (line["task"], line["queue"], line["attempt"]) == (task, "default", 1)
        assert line["logger"] == "shop"
        assert line["worker"] in {one.get("worker") for one in found if one.get("event")}
        assert len(line["job"]) == 36
    (loop,) = [one for one in found if one.get("amount")]
    assert loop["amount"] == 7
    (start,) = [one for one in found if one.get("event") == "WorkerStarted"]
    assert (start["app"], start["processes"], start["slots"]) == ("shop", int(processes), 16)
    assert start["tasks"] == ["failing", "in_child", "in_loop", "in_thread"]


def test_a_level_decides_what_is_written(tmp_path: Path) -> None:
    quiet = run(tmp_path, "--log-level", "warning")
    assert quiet == []
    lines = run(tmp_path, "--log-level", "DEBUG")
    for task in TASKS:
        (start,) = [line for line in lines if f"({task}) starts, attempt 1" in line]
        (end,) = [line for line in lines if f"({task}) succeeded after" in line]
        assert " DEBUG " in start + end


def test_settings_give_level_and_form(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dutiful]\nlog_level = "warning"\nlog_format = "json"\n'
    )
    lines = run(tmp_path, names=("failing",))
    found = [json.loads(line) for line in lines]
    assert [one["level"] for one in found] == ["error", "error"]
    caught, dead = found
    assert caught["exception"].endswith("ValueError: ***")
    assert (dead["event"], dead["error"], dead["reason"]) == ("JobDied", "***", "attempts-spent")


@pytest.mark.parametrize(
    ("setup", "ours"),
    [
        (BASIC, False),
        (ON_ROOT, False),
        (ON_DUTIFUL.replace("FLAG", "False"), True),
        (ON_DUTIFUL.replace("FLAG", "True"), True),
        (DJANGO.replace("{disable}", "True"), False),
        (DJANGO.replace("{disable}", "False"), False),
    ],
    ids=["basicConfig", "root", "dutiful", "dutiful-propagates", "django-disables", "django"],
)
def test_no_line_is_written_a_second_time(tmp_path: Path, setup: str, ours: bool) -> None:
    if "django" in setup:
        pytest.importorskip("django")
    lines = run(tmp_path, setup=setup)
    assert len([line for line in lines if "serves default" in line]) == 1
    assert len([line for line in lines if "starts: app shop" in line]) == 1
    assert all(line.startswith("OWN dutiful") for line in lines if "serves default" in line)
    for word in ("loop", "thread", "child"):
        (line,) = [line for line in lines if f"{word} 5 " in line]
        assert line.startswith("OWN shop") is not ours
        assert ("***" in line) is ours


def test_a_form_without_effect_is_reported(tmp_path: Path) -> None:
    lines = run(tmp_path, "--log-format", "json", "--log-level", "warning", setup=BASIC)
    (line,) = [line for line in lines if line.startswith("OWN dutiful")]
    assert "log_format=json has no effect" in line


async def test_an_embedded_worker_leaves_logging_as_it_is(app: App) -> None:
    ours = logging.getLogger("dutiful")
    level = logging.getLogger().level
    before = (level, ours.level, ours.propagate, ours.handlers[:])

    @app.task
    def work() -> None:
        logging.getLogger("shop").info("working")

    await work.aenqueue()
    with bare_root() as root:
        await burst(app)
        assert root.handlers == []
        assert (root.level, ours.level, ours.propagate, ours.handlers) == before


async def test_handlers_of_the_user_are_given_the_fields_on_request(app: App) -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Keep()
    handler.addFilter(JobFields())

    @app.task
    async def on_loop() -> None:
        logging.getLogger("shop").info("loop", extra={"queue": "own"})
        await asyncio.to_thread(logging.getLogger("shop").info, "thread of a task")

    @app.task
    def in_thread() -> None:
        logging.getLogger("shop").info("thread")

    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ids = [(await on_loop.using(meta={"traceparent": trace}).aenqueue()).id]
    ids.append((await in_thread.aenqueue()).id)
    with bare_root() as root:
        root.addHandler(handler)
        root.setLevel("INFO")
        await burst(app)
    found = {record.getMessage(): vars(record) for record in records if record.name == "shop"}
    assert found["loop"]["job"] == found["thread of a task"]["job"] == ids[0]
    assert found["loop"]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (found["loop"]["queue"], found["thread of a task"]["queue"]) == ("own", "default")
    assert (found["thread"]["job"], found["thread"]["task"]) == (ids[1], "in_thread")
    assert found["thread"]["worker"]
    events = [record for record in records if record.name == "dutiful"]
    assert {vars(record)["event_name"] for record in events} >= {"WorkerJoined", "WorkerLeft"}


async def test_a_traceparent_of_another_form_is_left_out(app: App) -> None:
    @app.task
    def work() -> None: ...

    handle = await work.using(meta={"traceparent": "x-y"}).aenqueue()
    job = await stored(app, handle.id)
    assert fields_of(job) == {"job": job.id, "task": "work", "queue": "default", "attempt": 0}
