"""What the auditor knows: its own records of workers, bodies and jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dutiful.contract.roles.consumer import Exchanged
from dutiful.core.job import Job, NewJob
from dutiful.core.settle import Settlement

from .loop import Node


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True)
class Member:
    """A session of a worker, as the store must see it."""

    worker: str
    node: Node
    lease: int
    renewed: int
    lost: bool = False


@dataclass(slots=True, eq=False)
class Body:
    """One run of a task's function."""

    job_id: str
    fence: int
    worker: str
    node: Node
    began: float
    thaws: int
    """How often its process had been frozen when it began."""
    ended: str = ""
    """How it ended: returned, raised, or cut by an interruption; empty while it runs."""
    error: str = ""

    def __str__(self) -> str:
        return (
            f"{self.worker} ran {self.job_id}#{self.fence}: {self.ended or 'running'} {self.error}"
        )

    @property
    def disturbed(self) -> bool:
        """Whether its process died or stood still since it began."""
        return not self.node.alive or self.node.thaws > self.thaws


@dataclass(slots=True)
class Record:
    """One job as it was asked for, and what is known of its life."""

    new: NewJob
    asked: bool = False
    """Whether its enqueue was acknowledged."""
    redriven: int = 0
    begun: bool = False
    """Whether a body of it ever started."""
    hurried: bool = False
    """Whether somebody asked for it to run whatever its time."""
    errors: int = 0
    free: int = 0
    """How many of the errors spent no attempt."""
    cut_short: int = 0
    """Attempts that a cancellation ended: spent, without an error."""
    steps: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """The fence and the result under which each step was recorded."""
    did: dict[str, Body] = field(default_factory=dict)
    """The body that last had each effect."""
    keys: set[Any] = field(default_factory=set)


def brief(job: Job | None) -> str:
    """Write what the invariants speak of, for a reader."""
    if job is None:
        return "nothing"
    parts = [f"{job.id} {job.task} in {job.queue}: {job.state.word}", f"attempt {job.attempt}"]
    parts += [f"fence {job.fence}", f"due {job.run_at % 10**11 / 10**6:.3f}"]
    shown = ("worker", "crashes", "reason", "unique_key", "cancel_requested", "priority", "steps")
    parts += [f"{name} {value}" for name in shown if (value := getattr(job, name))]
    return ", ".join(parts)


def reported(worker: str, settlements: Sequence[Settlement], answer: Exchanged) -> str:
    """Write how an exchange went, for a reader."""
    ended = [f"{item.claim.job.id}={item.state.word}" for item in settlements]
    claims = [f"{claim.job.id}#{claim.job.fence}" for claim in answer.claims]
    refused = f" refused {list(answer.refused)}" if answer.refused else ""
    return f"{worker} settles {ended} claims {claims}{refused}" + (" lost" if answer.lost else "")
