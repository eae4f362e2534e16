"""The app that the tests of the command line name, and jobs in every state for it."""

import random
import time

from dutiful import App
from dutiful.client.ids import new_id
from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.instant import HOUR
from dutiful.core.job import NewJob
from dutiful.core.outcome import Cancelled, Discarded, Failed, Outcome, Snoozed, Succeeded
from dutiful.core.settle import Rules, settle
from dutiful.core.unique import unique

WORKER = "web-1:4711:a1b2"
INFO = WorkerInfo(id=WORKER, queues=("billing", "default"), concurrency=4, lease=60 * HOUR)
TRACEBACK = 'Traceback (most recent call last):\n  File "shop.py", line 9, in charge\n'
DECLINED = Failed("shop.CardDeclined", "insufficient funds\nsecond line", TRACEBACK)
TIMEOUT = Failed("TimeoutError", "")

MODULE = """
from dutiful import App

app = App({url!r})
other = 3


@app.task(queue="billing")
def charge(order_id: int, currency: str = "EUR") -> None: ...
"""

ENDS: dict[str, Outcome] = {
    "succeeded": Succeeded(b'{"receipt":7}'),
    "dead": DECLINED,
    "discarded": Discarded("order was deleted"),
    "timed_out": TIMEOUT,
    "cancelled": Cancelled("cancelled"),
    "waiting": Snoozed(delay=HOUR),
}


def charge(order: int, **given: object) -> NewJob:
    """Build a job of the task `charge`."""
    return NewJob(
        id=new_id(),
        task="charge",
        queue="billing",
        args=b'{"order_id":%d}' % order,
        **{"max_attempts": 1, **given},
    )


async def fill(url: str) -> dict[str, str]:
    """Store one job in each state and return their ids by name."""
    app = App(url)
    ids: dict[str, str] = {}
    async with app:
        engine = app.store.engine
        await engine.fleet.join(INFO)
        for name, end in ENDS.items():
            job = charge(len(ids), tags=("eu",) if name == "dead" else ())
            ids[name] = await _run(engine, job, end)
        ids["retried"] = await _run(engine, charge(50, max_attempts=8), DECLINED)
        ids["running"] = await _run(engine, charge(51), None)
        ids["queued"] = await _put(engine, charge(52, unique=unique("order:52")))
        ids["scheduled"] = await _put(engine, charge(53, delay=HOUR))
        ids["mail"] = await _put(engine, NewJob(id=new_id(), task="send_mail", args=b"{}"))
        await engine.controller.pause("mail")
    return ids


async def fill_dead(url: str, count: int) -> None:
    """Store many dead letters."""
    app = App(url)
    async with app:
        engine = app.store.engine
        await engine.fleet.join(INFO)
        await engine.producer.enqueue([charge(number) for number in range(count)])
        claims = (await engine.consumer.exchange(WORKER, [], Wanted(("billing",), count))).claims
        await engine.consumer.exchange(WORKER, [_end(claim, TIMEOUT) for claim in claims], None)


async def _put(engine, job):
    await engine.producer.enqueue([job])
    return job.id


async def _run(engine, job, end):
    await engine.producer.enqueue([job])
    (claim,) = (await engine.consumer.exchange(WORKER, [], Wanted(("billing",), 1))).claims
    await engine.consumer.record_step(claim, "authorise", b'{"ok":true}')
    if end is not None:
        await engine.consumer.exchange(WORKER, [_end(claim, end)], None)
    return job.id


def _end(claim, end):
    return settle(claim, end, time.time_ns() // 1000, random.Random(1), Rules())
