"""The half of the auditor that watches bodies: when they start, what they do, how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from dutiful.client.context import Context
from dutiful.core.event import Event, JobDied
from dutiful.core.instant import SECOND
from dutiful.core.job import Job
from dutiful.core.outcome import Released
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.worker.hook_results import ChildEnded

from . import invariants
from .ledger import Body, Member, Record, Violation, brief
from .loop import NODE, Node, SimLoop

LOSING = 1.5
"""Seconds that a process has, once it thaws, to find its lease lost and to end its bodies."""
CLOCK_ERROR_MAX = 30 * SECOND
"""How far a worker's reckoning of the store's clock may be off: by the longest reply."""


class Bodies:
    """What the auditor knows of bodies, of their effects, and of who holds what."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.rows: dict[str, Job] = {}
        """The store's jobs as they were after the last operation."""
        self.fleet: dict[str, Member] = {}
        self.records: dict[str, Record] = {}
        self.bodies: dict[tuple[str, int], Body] = {}
        self.claimed: dict[tuple[str, int], float] = {}
        self.trace: list[tuple[float, str, str]] = []
        self.payments: dict[str, int] = {}
        self.stepped = False
        """Whether the store's own wall clock was ever stepped."""
        self._open: dict[str, list[Body]] = {}
        self._deaths: dict[tuple[str, int], tuple[Node, float]] = {}
        """Deaths that a worker was told of: by whom and when."""
        self._death_hooks_run: set[tuple[str, int]] = set()

    def fail(self, text: str) -> NoReturn:
        """End the run: an invariant does not hold."""
        error = Violation(text)
        self.note(None, f"VIOLATION {text}")
        self.loop.broken = self.loop.broken or error
        raise error

    def blame(self, job_id: str, complaint: str | None) -> None:
        """Fail when there is a complaint about a job."""
        if complaint is not None:
            self.fail(f"{job_id}: {complaint}")

    def note(self, node: Node | None, what: str) -> None:
        """Write a line of the trace."""
        self.trace.append((self.loop.time(), node.name if node else "-", what))

    def running(self, worker: str) -> list[Job]:
        """Return the jobs that a worker holds in the store."""
        return [
            job for job in self.rows.values() if job.worker == worker and job.state is State.RUNNING
        ]

    def is_lost(self, worker: str | None) -> bool:
        """Whether the store does not count this worker among the living."""
        member = self.fleet.get(worker or "")
        return member is None or member.lost

    def judge(self, worker: str, item: Settlement, old: Job) -> None:
        """Check a settlement that holds against what its body did and who settles."""
        if item.rescue:
            if not self.is_lost(old.worker):
                self.fail(f"{worker} took {old.id} from {old.worker}, which lives")
            self.blame(old.id, invariants.rescue(item, old))
            return
        if worker != old.worker:
            self.fail(f"{worker} settled {old.id}, which {old.worker} holds")
        since = self.loop.time() - self.claimed[old.id, old.fence]
        then = (old.started_at or 0) + round(since * SECOND)
        body = self.bodies.get((old.id, old.fence))
        if item.at and not self.stepped and abs(item.at - then) > CLOCK_ERROR_MAX:
            self.fail(f"{worker} settled {old.id} by a clock that is {item.at - then} us wrong")
        self.blame(old.id, invariants.holder(item, old, body, then))

    def settled(self, node: Node, item: Settlement, old: Job) -> None:
        """Write down what a settlement that holds has spent."""
        record = self.records[old.id]
        if item.error is not None:
            record.errors += 1
            record.free += item.error.type in invariants.FREE_ERRORS
        elif item.state is State.CANCELLED and item.attempt == old.attempt:
            record.cut_short += 1

    def answered(self, node: Node, op: str, args: tuple[Any, ...], result: Any) -> None:
        """Hear that a caller was told how its call went."""
        if op == "exchange":
            for item in args[1]:
                if item.state is State.DEAD and item.claim.job.id not in result.refused:
                    key = (item.claim.job.id, item.claim.job.fence)
                    self._deaths[key] = (node, self.loop.time())

    def heard(self, event: Event) -> None:
        """Hear an event of some worker's bus."""
        if isinstance(event, JobDied):
            self._death_hooks_run.add((event.job.id, event.job.fence))

    async def watch(self, ctx: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Stand around every body, as a hook of the app."""
        node = NODE.get()
        assert node is not None
        body = self._began(ctx.job, node)
        try:
            result = await proceed()
        except asyncio.CancelledError:
            self._ended(body, "cut")
            raise
        except BaseException as error:
            if isinstance(error, ChildEnded) and isinstance(error.verdict, Released):
                self._ended(body, "cut")  # the lease was over before its first line
            else:
                self._ended(body, "raised", type(error).__name__)
            raise
        self._ended(body, "returned")
        return result

    def _began(self, job: Job, node: Node) -> Body:
        row, worker = self.rows[job.id], job.worker or ""
        holds = row.state is State.RUNNING and row.fence == job.fence and not self.is_lost(worker)
        current = self.loop.current
        if not holds and not (current is not None and current.parked):
            self.fail(f"{worker} started {job.id} under the stale fence {job.fence}: {brief(row)}")
        if self.loop.time() > node.stopped_at:
            self.fail(f"{worker} started {job.id} after it was told to stop")
        self._began_in_time(job)
        if (job.id, job.fence) in self.bodies:
            self.fail(f"claim {job.fence} of {job.id} was started twice")
        for other in self._open.get(job.id, ()) if holds else ():
            if not other.disturbed and other.node.stopped_at > self.loop.time():
                self.fail(f"{job.id} runs at {worker} and still at {other.worker}")
        body = Body(job.id, job.fence, worker, node, self.loop.time(), node.thaws)
        self.bodies[job.id, job.fence] = body
        self._open.setdefault(job.id, []).append(body)
        self.note(node, f"starts {job.id}#{job.fence} {job.task} attempt {job.attempt}")
        return body

    def _began_in_time(self, job: Job) -> None:
        record = self.records[job.id]
        begun, record.begun = record.begun, True
        if job.expires_at is None or job.attempt > 1 or begun or record.hurried:
            return
        if (job.started_at or 0) >= job.expires_at:
            self.fail(f"{job.id} was started after it had expired: {brief(job)}")

    def _ended(self, body: Body, how: str, error: str = "") -> None:
        body.ended, body.error = how, error
        self._open[body.job_id].remove(body)
        self.note(body.node, f"ends {body.job_id}#{body.fence}: {how} {error}")

    def effect(self, ctx: Context, name: str) -> None:
        """Judge an effect: it may be repeated only when what did it before was cut short."""
        record = self.records[ctx.job_id]
        body = self.bodies[ctx.job_id, ctx.job.fence]
        before = record.did.get(name)
        stale = self.rows[ctx.job_id].fence != body.fence
        if stale and self.loop.time() > body.node.thawed_at + LOSING:
            self.fail(f"a body went on long after its claim was lost: {body}")
        cut = record.redriven or self._was_cut(body)
        if before is not None and not cut and not self._was_cut(before):
            self.fail(f"{ctx.job_id} had the effect {name} again, though nothing cut it: {before}")
        record.did[name] = body

    def _was_cut(self, body: Body) -> bool:
        return body.disturbed or body.ended == "cut" or self.is_lost(body.worker)

    def step(self, ctx: Context, name: str) -> None:
        """Judge the work of a step: never again once it is recorded."""
        recorded = self.records[ctx.job_id].steps.get(name)
        if recorded is not None and recorded[0] <= ctx.job.fence:
            self.fail(f"step {name} of {ctx.job_id} ran again under fence {ctx.job.fence}")
        self.effect(ctx, name)

    def pay(self, ctx: Context, key: str) -> int:
        """Do a payment once for a key, and judge that a job has one key."""
        record = self.records[ctx.job_id]
        record.keys.add(key)
        if len(record.keys) > 1:
            self.fail(f"{ctx.job_id} used two idempotency keys: {sorted(record.keys)}")
        return self.payments.setdefault(key, len(self.payments))

    def unmourned(self) -> list[str]:
        """Return the deaths that a living worker was told of and kept to itself."""
        return [
            job_id
            for (job_id, fence), (node, at) in self._deaths.items()
            if (job_id, fence) not in self._death_hooks_run and not (node.fell_at == at)
        ]
