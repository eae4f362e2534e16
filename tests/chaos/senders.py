"""Processes that send alerts, killed or stopped in the middle: who sends then, how soon, how often.

Three workers and ``dutiful watch`` share the turns; jobs are enqueued at a steady rate meanwhile.
Each message must arrive, and if it arrives again, then with the same id.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.chaos.alarmed import CLAIMED, FIRE, JUDGING, ON_FIRE, SENT, STOPPED, app
from tests.chaos.kills import feed
from tests.chaos.processes import Member, Processes, processes
from tests.chaos.webhooks import Message, Webhooks, webhooks
from tests.until import wait_until

MID = "mid-send"
KILLS = (MID, CLAIMED, SENT)
STOPS = (STOPPED, JUDGING)
_RULE = "dead-letters"
_STOPPED_SECONDS = 20.0
_AFTERWARDS = 3.0
"""Seconds for which it is watched whether anything is sent again."""
_TURNS = 7.0
"""Seconds in which a process that was continued, and each other one, takes another turn."""
_BATCH, _PAUSE = 10, 0.2


@dataclass
class Sent:
    """What came of one round."""

    point: str
    victim: str
    seconds: float
    """From the fault until another process had sent the message."""
    messages: int
    ids: int
    incidents: int
    """How often any process said that this alert fires."""

    def faults(self) -> list[str]:
        found = []
        if self.ids != 1:
            found.append(f"{self.ids} ids")
        if self.incidents != 1:
            found.append(f"{self.incidents} incidents")
        if not 1 <= self.messages <= 2:
            found.append(f"{self.messages} messages")
        return found


@dataclass
class Senders:
    """The rounds of one engine."""

    rounds: list[Sent] = field(default_factory=list)
    load: float = 0.0
    """Jobs a second."""
    repeated: int = 0
    """Messages about other alerts that came with another id within the cool-down."""


@contextmanager
def _crew(folder: Path, url: str, hooks: Webhooks, workers: int) -> Iterator[Processes]:
    orders = folder / "orders"
    orders.mkdir()
    env = {**hooks.environment, "CHAOS_ORDERS": str(orders)}
    with processes(folder, "-c", "8", url=url, env=env, app="tests.chaos.alarmed:app") as made:
        made.watch("tests.chaos.alarmed:app")
        made.start(workers)
        made.ready()
        made.produce(1, 10**7, _BATCH, _PAUSE, 0)
        wait_until(lambda: _ended(made), 60, "jobs end")
        yield made


def senders(folder: Path, points: tuple[str, ...], url: str = "", *, workers: int = 3) -> Senders:
    """Strike the process that sends at each point, one round after the other."""
    found = Senders()
    with webhooks() as hooks, _crew(folder, url, hooks, workers) as made:
        began, before = time.monotonic(), _ended(made)
        for number, point in enumerate(points):
            if point in STOPS:
                found.rounds.append(_stop(made, hooks, number, point))
            else:
                last = number == len(points) - 1
                found.rounds.append(_kill(made, hooks, number, point, last=last))
        found.load = (_ended(made) - before) / (time.monotonic() - began)
        ids = Counter(one.notification.id for one in hooks.got)
        ours = sum(one.messages for one in found.rounds)
        others = [one for one in hooks.got if one.notification.rule not in (_RULE, ON_FIRE)]
        found.repeated = sum(count - 1 for count in Counter(map(_of, others)).values())
        assert sum(ids.values()) == ours + len(others)
    return found


def _kill(made: Processes, hooks: Webhooks, number: int, point: str, *, last: bool) -> Sent:
    """Let a job die, and kill the one that sends the alert about it; after the last, start none."""
    subject = f"doomed_{number}"
    about = partial(hooks.about, _RULE, subject)
    if point == MID:
        hooks.holds = lambda one: one.subject == subject and len(about()) == 1
    else:
        _order(made, point)
    feed(made, [app.tasks[subject].job(10**8 + number, 0.0, "")])
    if point == MID:
        wait_until(about, 40, "the message arrives")
        sender = f"{subject} {about()[0].notification.id}"
        victim = wait_until(lambda: _who(made, "sending", sender), 5, "the sender is known")
        victim.process.send_signal(signal.SIGKILL)
    else:
        victim = _obeyed(made, point)
    victim.process.wait(20)
    began, seen = time.monotonic(), len(about())
    made.forget(victim)
    again = wait_until(lambda: about()[seen:], 60, "another process sends it")
    if not last:
        _replace(made, victim)
    time.sleep(_AFTERWARDS)
    return _round(made, point, victim, again[0].at - began, about(), f"of {subject} ")


def _stop(made: Processes, hooks: Webhooks, number: int, point: str) -> Sent:
    """Stop the one that sends, or evaluates, for longer than a turn or a claim; continue it."""
    subject = f"{FIRE}{number}"
    _order(made, point)
    (made.folder / "orders" / subject).touch()
    victim = _obeyed(made, point)
    began = time.monotonic()
    about = partial(hooks.about, ON_FIRE, subject)
    again = wait_until(about, 60, "another process sends it")
    time.sleep(max(began + _STOPPED_SECONDS - time.monotonic(), 0))
    made.thaw(victim)
    time.sleep(_AFTERWARDS + _TURNS)
    return _round(made, point, victim, again[0].at - began, about(), f": {subject} burns")


def _round(
    made: Processes, point: str, victim: Member, seconds: float, messages: list[Message], said: str
) -> Sent:
    ids = {one.notification.id for one in messages}
    lines = [line for log in made.logs() for line in log.splitlines()]
    fired = sum(" alert " in line and said in line and "resolved" not in line for line in lines)
    kind = "watch" if victim.name.startswith("v") else "worker"
    return Sent(point, kind, seconds, len(messages), len(ids), fired)


def _order(made: Processes, point: str) -> None:
    (made.folder / "orders" / point).touch()


def _obeyed(made: Processes, point: str) -> Member:
    """Wait until a process has obeyed, and return it."""
    order = made.folder / "orders" / point
    wait_until(lambda: not order.exists(), 40, f"a process is struck: {point}")
    return wait_until(lambda: _who(made, "struck", point), 5, "it says so")


def _who(made: Processes, what: str, more: str) -> Member | None:
    """Return the process that wrote such a line last, if there is one."""
    found = [one.worker for one in made.lines() if (one.what, one.more) == (what, more)]
    everyone = (*made.workers, *made.watching)
    return next((one for one in everyone if one.identity in found[-1:]), None)


def _replace(made: Processes, victim: Member) -> None:
    if victim.name.startswith("v"):
        made.watch("tests.chaos.alarmed:app")
    else:
        made.start()
    made.ready()


def _ended(made: Processes) -> int:
    return sum(one.what == "end" for one in made.lines())


def _of(one: Message) -> tuple[str, str, str]:
    found = one.notification
    return found.rule, found.subject, found.kind
