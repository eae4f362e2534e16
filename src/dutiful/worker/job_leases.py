"""The leases of a worker's jobs, for engines where each job has its own lease."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

import msgspec

from dutiful.contract.clock import Clock
from dutiful.contract.engine import Engine, LeaseOwner
from dutiful.core.job import Claim
from dutiful.core.lease import Lease

_HEARTBEATS = 5
"""How many heartbeats there are in a lease that an engine has shortened."""


class _Held(msgspec.Struct, eq=False):
    claim: Claim
    deadline: int | None
    """When the lease is over, by the host's ticks; None where the server keeps it."""
    settling: bool = False
    """Whether the job's end is being written: a renewal would undo the delay of a retry."""


class JobLeases:
    """Which claims are held and until when; the heartbeat renews them, in another thread.

    A claim is forgotten when its lease is over. Nothing is settled or recorded for it after that:
    the job may have been given to another worker, and some engines cannot refuse the older claim.
    """

    def __init__(self, lease: Lease, clock: Clock, *, renewed: bool = True) -> None:
        """Start without claims; without ``renewed`` the server keeps the leases."""
        self.lease = lease
        self.renewed = renewed
        self.wanted = lease.length if renewed else 0
        """Microseconds for which a job is to be claimed."""
        self.ask_every = None if renewed else lease.heartbeat / 1_000_000
        """Seconds after which the server is asked whether it still keeps the jobs."""
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._asked_at = clock.ticks()

    def asking(self) -> None:
        """Note that claims are about to be requested: their leases count from this moment."""
        self._asked_at = self._clock.ticks()

    def take(self, claim: Claim) -> None:
        """Hold a claim that the store has just made; it replaces an older one of the same job."""
        deadline = self.lease.deadline(self._asked_at) if self.renewed else None
        with self._lock:
            self._held[claim.job.id] = _Held(claim, deadline)

    def settled(self, claims: Iterable[Claim], delayed: Collection[str]) -> None:
        """Forget claims whose ends were written; those of ``delayed`` jobs are renewed again."""
        with self._lock:
            for claim in claims:
                if (held := self._of(claim)) is None:
                    continue
                if claim.job.id in delayed:
                    held.settling = False
                else:
                    del self._held[claim.job.id]

    def settling(self, claims: Iterable[Claim], *, now: bool) -> None:
        """Note that the ends of claims are being written now, or no longer are."""
        with self._lock:
            for claim in claims:
                if (held := self._of(claim)) is not None:
                    held.settling = now

    def knows(self, job_id: str) -> bool:
        """Whether any claim of a job is held."""
        with self._lock:
            return job_id in self._held

    def holds(self, claim: Claim) -> bool:
        """Whether the claim is still held; may be called from any thread."""
        with self._lock:
            return self._of(claim) is not None

    def valid(self, claim: Claim) -> bool:
        """Whether the claim's lease holds by this host's ticks; may be called from any thread."""
        with self._lock:
            held = self._of(claim)
            if held is None:
                return False
            return held.deadline is None or self._clock.ticks() < held.deadline

    def due(self, size: int | None) -> list[tuple[Claim, ...]]:
        """Return the claims to renew, at most ``size`` a batch, without those that are over."""
        if not self.renewed:
            return []
        now = self._clock.ticks()
        with self._lock:
            claims = tuple(
                held.claim
                for held in self._held.values()
                if not held.settling and (held.deadline is None or now < held.deadline)
            )
        step = size or max(len(claims), 1)
        return [claims[start : start + step] for start in range(0, len(claims), step)]

    def left(self, claims: Collection[Claim] | None = None) -> int | None:
        """Return the microseconds until the first lease of ``claims`` (by default all) is over."""
        with self._lock:
            found = self._held.values() if claims is None else map(self._of, claims)
            ends = [
                held.deadline
                for held in found
                if held is not None and held.deadline is not None and not held.settling
            ]
        return None if not ends else max(min(ends) - self._clock.ticks(), 0)

    def renew(self, claims: Iterable[Claim], sent: int, lost: Collection[str]) -> list[Claim]:
        """Note the answer to a renewal that was sent at ``sent``; return the claims that are lost.

        A claim that was replaced meanwhile is not lost: a newer claim holds its job.
        """
        gone: list[Claim] = []
        with self._lock:
            for claim in claims:
                held = self._of(claim)
                if held is None or held.settling:
                    continue
                if claim.job.id in lost:
                    del self._held[claim.job.id]
                    gone.append(claim)
                else:
                    held.deadline = self.lease.deadline(sent)
        return gone

    def expire(self) -> list[Claim]:
        """Forget the claims that could not be renewed in time, and return them."""
        now = self._clock.ticks()
        with self._lock:
            gone = [
                held.claim
                for held in self._held.values()
                if held.deadline is not None and held.deadline <= now and not held.settling
            ]
            for claim in gone:
                del self._held[claim.job.id]
        return gone

    def _of(self, claim: Claim) -> _Held | None:
        held = self._held.get(claim.job.id)
        return held if held is not None and held.claim is claim else None


def leases_of(engine: Engine, lease: Lease, clock: Clock) -> JobLeases | None:
    """Return the leases of a worker's jobs; None where the worker itself has the lease."""
    if engine.lease_owner is LeaseOwner.WORKER:
        return None
    return JobLeases(lease, clock, renewed=engine.lease_owner is LeaseOwner.JOB)


def bounded(lease: Lease, longest: int | None) -> Lease:
    """Shorten a lease to the longest one that an engine grants."""
    if longest is None or lease.length <= longest:
        return lease
    heartbeat = min(lease.heartbeat, max(longest // _HEARTBEATS, 1))
    return Lease(length=longest, heartbeat=heartbeat)
