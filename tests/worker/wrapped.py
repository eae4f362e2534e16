"""Tasks of one body, in a thread and in a child process, for hooks that wrap what they raise."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from dutiful import App, Cancel, Context, Discard, Retry, Snooze
from tests.worker.jobs import mark

app = App()
policy = Retry(max_attempts=3, delay="1h", jitter="none", on=[OSError], never=[FileExistsError])


class Busy(OSError):
    retry_after = 7200


RAISED: dict[str, Callable[[], Exception]] = {
    "snooze": lambda: Snooze("10m"),
    "discard": lambda: Discard("no use"),
    "cancel": lambda: Cancel("not wanted"),
    "retry": lambda: Retry(after="3h"),
    "named": lambda: ConnectionError("away"),
    "never": lambda: FileExistsError("there"),
    "other": lambda: LookupError("not there"),
    "busy": lambda: Busy("later"),
    "group": lambda: ExceptionGroup("two", [Snooze("10m"), ConnectionError("away")]),
}


def body(what: str, ctx: Context) -> None:
    if what == "step":
        ctx.step("no JSON", object)
    raise RAISED[what]()


in_thread = app.task(name="in_thread", retry=policy)(body)
in_child = app.task(name="in_child", retry=policy, cpu=True)(body)


@app.task(cpu=True, retry=policy)
def hold() -> None:
    mark("holds")
    time.sleep(60)


@app.task(cpu=True, retry=policy)
def crash() -> None:
    os._exit(3)
