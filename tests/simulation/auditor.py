"""Keeps the expected state of the store and of every body, and compares after each operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import DuplicateJob
from dutiful.core.instant import SECOND
from dutiful.core.job import Claim, Job, NewJob
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.core.unique import hold, holds

from . import invariants
from .calendar_auditor import CalendarAuditor, Rows
from .clocks import WorldClock
from .invariants import LATER
from .ledger import Member, Record, brief, reported
from .loop import Node, SimLoop
from .store import SimStore

CALM = 3.0  # seconds without trouble after which a worker that leaves may keep no job
_READS = frozenset({"get", "find", "errors", "steps", "queues", "dead_groups", "tally"})


class Auditor(CalendarAuditor):
    """Sees every operation as the store performs it, and fails at the first wrong one."""

    def __init__(self, loop: SimLoop, clock: WorldClock, store: SimStore) -> None:
        super().__init__(loop)
        self.clock = clock
        self.store_rows = store.store_rows
        self._wall_leases = store.wall_leases
        self.paused: set[str] = set()
        self._joined: dict[Node, tuple[float, int]] = {}
        self._data = 0
        self._now = 0

    def perform(self, node: Node, op: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Make a call on the engine and check what it answered and changed."""
        self._now = self.clock.now()
        if op in _READS:
            return call()
        result: Any = None
        error: Exception | None = None
        try:
            result = call()
        except DuplicateJob as raised:
            error = raised
        self.store_rows.look()
        changed = self._changes()
        if op == "enqueue":
            self._enqueue(args[0], result, error, changed)
        else:
            getattr(self, f"_{op}")(node, args, result, changed)
        if changed:
            old, new = next(iter(changed.values()))
            self.fail(f"{op} changed a job unasked:\n  {brief(old)}\n  {brief(new)}")
        if op != "commit" and len(self.store_rows.written) != self._data:
            self.fail(f"{op} let a transaction's writes through")
        if error is not None:
            raise error
        return result

    def _changes(self) -> Rows:
        """Find the rows that are not as they were, and remember them as they are."""
        jobs, rows = self.store_rows.jobs, self.rows
        changed: Rows = {}
        for job_id, job in jobs.items():
            old = rows.get(job_id)
            if old is not job:
                changed[job_id] = (old, job)
        if len(jobs) != len(rows) + sum(old is None for old, _ in changed.values()):
            self.fail(f"jobs vanished: {sorted(set(rows) - set(jobs))}")
        for job_id, (old, job) in changed.items():
            rows[job_id] = job
            if job.unique_key is not None and (old is None or job.state is not old.state):
                self.blame(job_id, invariants.unique(jobs.values(), job.unique_key))
            if old is not None and job.fence < old.fence:
                self.fail(f"the fence of {job_id} went back from {old.fence} to {job.fence}")
        return changed

    def _expect(self, expected: dict[str, Job], changed: Rows) -> None:
        """Take out of ``changed`` what was expected; whatever was, must have happened."""
        for job_id, row in expected.items():
            old, new = changed.pop(job_id, (None, self.rows[job_id]))
            if row.state in LATER and row.run_at <= self._now and new.state is State.QUEUED:
                row = replace(row, state=State.QUEUED)
            if not invariants.same(row, new):
                shown = f"was  {brief(old)}\n  must {brief(row)}\n  is   {brief(new)}"
                self.fail(f"{job_id} is not as it must be:\n  {shown}")

    def _enqueue(
        self,
        jobs: Sequence[NewJob],
        receipts: tuple[Receipt, ...] | None,
        error: Exception | None,
        changed: Rows,
    ) -> None:
        if receipts is None:
            keys = {new.unique.key for new in jobs if new.unique is not None}
            if not isinstance(error, DuplicateJob) or error.key not in keys:
                self.fail(f"enqueue failed with {error!r}")
            return
        created = [new for new in jobs if changed.get(new.id, (new,))[0] is None]
        replaced = {receipt.id for receipt in receipts if receipt.replaced}
        for new, receipt in zip(jobs, receipts, strict=True):
            self._received(new, receipt, changed)
        for new in created:
            row = changed.pop(new.id, (None, self.rows[new.id]))[1]
            if new.id in replaced:
                continue
            if row.fence or row.attempt or row.task != new.task or row.args != new.args:
                self.fail(f"{new.id} was not stored as it was asked for: {row}")
        if (total := self.store_rows.enqueued) != len(self.rows):
            self.fail(f"{total} jobs were counted as enqueued, {len(self.rows)} are there")

    def _received(self, new: NewJob, receipt: Receipt, changed: Rows) -> None:
        if receipt.created:
            if receipt.id != new.id:
                self.fail(f"the receipt of {new.id} names {receipt.id}")
            self.records.setdefault(new.id, Record(new)).asked = True
            return
        existing = self.rows.get(receipt.id)
        key = None if new.unique is None else hold(new.unique, self._now)
        if existing is None or key is None or existing.unique_key != key:
            self.fail(f"{new.id} was answered with {receipt.id}, which does not hold {key!r}")
        elif not holds(existing.unique_states, existing.state):
            self.fail(f"{new.id} met {existing.id}, which is {existing.state.word}")
        if receipt.replaced:
            old, row = changed.pop(receipt.id, (None, existing))
            if old is not None and (old.state is State.RUNNING or row.fence != old.fence):
                self.fail(f"{new.id} replaced {receipt.id}, which had been claimed")
            self.blame(receipt.id, invariants.replaced(old, row, self.records[receipt.id].steps))

    def _exchange(
        self, node: Node, args: tuple[Any, ...], answer: Exchanged, changed: Rows
    ) -> None:
        worker: str = args[0]
        settlements: Sequence[Settlement] = args[1]
        wanted: Wanted | None = args[2]
        expected: dict[str, Job] = {}
        for item in settlements:
            self._settlement(
                node, worker, item, item.claim.job.id in answer.refused, changed, expected
            )
        member = self.fleet.get(worker)
        registered = member is not None and not member.lost
        if wanted is None:
            if answer.claims:
                self.fail(f"{worker} was given claims that it did not want")
        elif answer.lost == registered or (answer.claims and not registered):
            self.fail(f"{worker} claims, registered: {registered}, answered lost: {answer.lost}")
        if wanted is not None and registered:
            self._claims(worker, answer.claims, wanted, changed, expected)
        self._staged(changed, expected)
        self._expect(expected, changed)
        if wanted is not None and registered:
            self._left_over(answer.claims, wanted)
        self.note(node, reported(worker, settlements, answer))

    def _settlement(
        self,
        node: Node,
        worker: str,
        item: Settlement,
        refused: bool,
        changed: Rows,
        expected: dict[str, Job],
    ) -> None:
        claim = item.claim.job
        old = expected.get(claim.id) or changed.get(claim.id, (self.rows.get(claim.id),))[0]
        if old is None:
            self.fail(f"{claim.id} was settled before it was stored")
            return
        held = old.state is State.RUNNING and old.fence == claim.fence
        if not held:
            repeated = old.fence == claim.fence and not item.rescue
            if refused == repeated:
                self.fail(f"the stale claim {claim.fence} of {claim.id} was accepted: {brief(old)}")
            return
        if refused:
            self.fail(f"the present holder {worker} of {claim.id} was refused")
        self.judge(worker, item, old)
        expected[claim.id] = invariants.settled(old, item, self._now)
        self.settled(node, item, old)

    def _claims(
        self,
        worker: str,
        claims: tuple[Claim, ...],
        wanted: Wanted,
        changed: Rows,
        expected: dict[str, Job],
    ) -> None:
        if len(claims) > wanted.limit:
            self.fail(f"{worker} wanted {wanted.limit} jobs and was given {len(claims)}")
        for claim in claims:
            old = expected.get(claim.job.id) or changed.get(claim.job.id, (None,))[0]
            if old is None or old.queue not in wanted.queues or old.queue in self.paused:
                self.fail(
                    f"{worker} was given {claim.job.id} of queue {claim.job.queue}: {brief(old)}"
                )
                return
            due = old.state is State.QUEUED or (old.state in LATER and old.run_at <= self._now)
            if not due:
                self.fail(f"{worker} was given {old.id}, which was {brief(old)}")
            row = replace(
                old,
                state=State.RUNNING,
                attempt=old.attempt + 1,
                fence=old.fence + 1,
                worker=worker,
            )
            expected[old.id] = row
            if not invariants.same(row, claim.job):
                self.fail(f"the claim is not the row:\n  {brief(row)}\n  {brief(claim.job)}")
            recorded = {name: raw for name, (_, raw) in self.records[old.id].steps.items()}
            if claim.steps != recorded:
                self.fail(f"{old.id} was claimed with steps {claim.steps}, not {recorded}")
            self.claimed[old.id, row.fence] = self.loop.time()

    def _staged(self, changed: Rows, expected: dict[str, Job]) -> None:
        for job_id in [name for name in changed if name not in expected]:
            old = changed[job_id][0]
            if old is not None and old.state in LATER and old.run_at <= self._now:
                expected[job_id] = replace(old, state=State.QUEUED)

    def _left_over(self, claims: tuple[Claim, ...], wanted: Wanted) -> None:
        """Nothing that was due may be passed over, for want of room only, and the lowest last."""
        given = {claim.job.id: claim.job for claim in claims}
        waiting = [
            job
            for job in self.rows.values()
            if (job.state is State.QUEUED or (job.state in LATER and job.run_at <= self._now))
            and job.queue in wanted.queues
            and job.queue not in self.paused
        ]
        if waiting and len(claims) < wanted.limit:
            self.fail(f"{waiting[0].id} was due and not given, though {wanted.limit} were wanted")
        for job in waiting:
            lower = [one for one in given.values() if one.queue == job.queue]
            if any(one.priority < job.priority for one in lower):
                self.fail(f"{job.id} of priority {job.priority} was passed over")

    def _commit(self, node: Node, args: tuple[Any, ...], held: bool, changed: Rows) -> None:
        claim, item = args
        old = changed.get(claim.job.id, (self.rows[claim.job.id],))[0]
        assert old is not None
        expected = old.state is State.RUNNING and old.fence == claim.job.fence
        grown = len(self.store_rows.written) - self._data
        self._data = len(self.store_rows.written)
        if held != expected or grown != held:
            self.fail(f"a commit under a claim that holds: {expected} was {held}, wrote {grown}")
        if held:
            self.judge(claim.job.worker or "", item, old)
            self._expect({old.id: invariants.settled(old, item, self._now)}, changed)
            self.settled(node, item, old)
        self.note(node, f"commit {claim.job.id} {claim.job.fence} {held}")

    def _record_step(self, node: Node, args: tuple[Any, ...], held: bool, changed: Rows) -> None:
        claim, name, raw = args
        old, new = changed.pop(claim.job.id, (None, self.rows[claim.job.id]))
        if held != (new.state is State.RUNNING and new.fence == claim.job.fence):
            self.fail(f"step {name} of {claim.job.id} was recorded under a stale claim: {held}")
        steps = self.records[claim.job.id].steps
        if held:
            steps.setdefault(name, (claim.job.fence, raw))
        if old is not None and replace(old, steps=len(steps)) != new:
            self.fail(f"a step changed more than itself: {new}")
        if (found := self.store_rows.steps(claim.job.id)) != {
            key: value for key, (_, value) in steps.items()
        }:
            self.fail(f"the steps of {claim.job.id} are {found}, must be {steps}")
        self.note(node, f"step {claim.job.id} {claim.job.fence} {name} {held}")

    def _join(self, node: Node, args: tuple[Any, ...], result: None, changed: Rows) -> None:
        info: WorkerInfo = args[0]
        known = self.fleet.get(info.id)
        if known is not None and known.node is not node:
            self.fail(f"{info.id} is the name of two workers")
        if known is not None and known.lost and self.store_rows.is_lost(info.id):
            # A join asked again after a long silence: an id that was lost stays lost.
            self.note(node, f"join {info.id}, too late")
            return
        self._joined.setdefault(node, (self.loop.time(), info.lease))
        self.fleet[info.id] = Member(info.id, node, info.lease, self.clock.ticks())
        self.note(node, f"join {info.id}")

    def _renew(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        member = self.fleet.get(args[0])
        valid = member is not None and not member.lost
        if result.valid != valid:
            self.fail(f"{args[0]} renewed: {result.valid}, must be {valid}")
        if member is not None and valid:
            member.renewed = self.clock.ticks()
        cancels = {job.id for job in self.running(args[0]) if job.cancel_requested}
        if valid and set(result.cancels) != cancels:
            self.fail(f"{args[0]} was told to cancel {result.cancels}, must be {cancels}")

    def _leave(self, node: Node, args: tuple[Any, ...], result: None, changed: Rows) -> None:
        if (member := self.fleet.get(args[0])) is not None:
            member.lost = True
        held = self.running(args[0])
        if held and max(node.troubled_at, node.thawed_at) < self.loop.time() - CALM:
            self.fail(f"{args[0]} left, and kept {[brief(job) for job in held]}")
        self.note(node, f"leave {args[0]}")

    def _workers(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        """Reading changes nothing."""

    def _expire(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        ticks, gone = self.clock.ticks(), args[0]
        over = {
            name: ticks - member.renewed - member.lease
            for name, member in self.fleet.items()
            if not member.lost
        }
        slack = invariants.LEASE_SLACK if self._wall_leases else 0
        early = [name for name in result if name not in gone and over[name] <= -slack]
        # Where a clock may be stepped, a lease is watched for some time before it counts as over.
        watches = self._wall_leases and (self.stepped or self._was_blind(node))
        kept = [
            name
            for name, late in over.items()
            if name not in result and (name in gone or (late > slack and not watches))
        ]
        if early or kept:
            self.fail(f"{early} were declared lost early, {kept} not: {over}")
        for name in result:
            self.fleet[name].lost = True
            if name in gone and self.fleet[name].node.alive:
                self.fail(f"{name} was declared gone and lives")
        self.note(node, f"expire {sorted(result)}")

    def _was_blind(self, node: Node) -> bool:
        """Whether a process lately saw nothing; then it watches a lease of what it sees next."""
        at, lease = self._joined[node]
        since = max(at, node.thawed_at, node.troubled_at)
        return self.loop.time() < since + 2 * lease / SECOND + CALM

    def _abandoned(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        orphans = {
            job.id
            for job in self.rows.values()
            if job.state is State.RUNNING and self.is_lost(job.worker)
        }
        found = {claim.job.id for claim in result}
        if found - orphans or len(found) != len(result) or len(found) != min(args[0], len(orphans)):
            self.fail(f"{[claim.job.id for claim in result]} are not the abandoned {orphans}")

    def _claimed(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        held = {job.id for job in self.running(args[0])} - set(args[1])
        if {claim.job.id for claim in result} != held:
            self.fail(f"{args[0]} holds {held}, and was given {result}")

    def _cancel(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        for job_id in [name for name in args[0] if name in changed]:
            old, new = changed.pop(job_id)
            ended = old is not None and old.state in (State.QUEUED, *LATER)
            if not (new.state is State.CANCELLED if ended else new.cancel_requested):
                self.fail(f"cancel made {brief(old)} into {brief(new)}")
        self.note(node, f"cancel {list(result)}")

    def _run_now(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        for job_id in result:
            old, new = changed.pop(job_id)
            self.records[job_id].hurried = True
            if old is None or old.state not in LATER or new.run_at > self._now:
                self.fail(f"run now made {brief(old)} into {brief(new)}")
        self.note(node, f"run now {list(result)}")

    def _redrive(self, node: Node, args: tuple[Any, ...], result: Any, changed: Rows) -> None:
        asked: Sequence[Redrive] = args[0]
        for job_id in result:
            old, new = changed.pop(job_id)
            ended = old is not None and old.state in (State.DEAD, State.CANCELLED)
            if not ended or new.state is not State.QUEUED or new.attempt or new.crashes:
                self.fail(f"redrive made {brief(old)} into {brief(new)}")
            self.records[job_id].redriven += 1
        self.note(node, f"redrive {list(result)} of {len(asked)}")

    def _pause(self, node: Node, args: tuple[Any, ...], result: None, changed: Rows) -> None:
        self.paused.add(args[0])
        self.note(node, f"pause {args[0]}")

    def _resume(self, node: Node, args: tuple[Any, ...], result: None, changed: Rows) -> None:
        self.paused.discard(args[0])
        self.note(node, f"resume {args[0]}")

    def _prune(self, node: Node, args: tuple[Any, ...], result: int, changed: Rows) -> None:
        if result:
            self.fail(f"{result} jobs were pruned long before their time")
