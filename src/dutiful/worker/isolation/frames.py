"""The messages between a worker and its child processes: JSON in length-prefixed frames.

Every frame names its job and fence, so a frame of another attempt, such as one from a copy that a
task forked, is never mistaken for an answer.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import msgspec

from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome
from dutiful.core.task_log import LogLine
from dutiful.observe.output import LogSetup
from dutiful.worker.captured_log import Capture

HEADER = struct.Struct("!I")


class About(NamedTuple):
    """The attempt that a frame is about."""

    job: str
    fence: int


class Start(msgspec.Struct, frozen=True, tag=True):
    """To the child: run this claim's job."""

    about: About
    module: str
    attribute: str
    url: str | None
    claim: Claim
    handle: bytes
    """The claim's handle as JSON; only engines whose handles are plain data get a transaction."""
    bytes_max: int
    hooks: tuple[str, ...] = ()
    """The modules that hold the hooks around the task's call."""
    app: str = ""
    """Where the task's app is found, as ``module:attribute``; empty if not known."""
    file: str = ""
    """Where the task's module was loaded from."""
    log: LogSetup | None = None
    """How the worker writes its log lines, where it does so by itself."""
    capture: Capture | None = None
    """What is captured of the task's lines, where that is switched on."""
    trace: dict[str, str] = {}
    """What carries the span of the attempt, where the app is traced."""


class Withdrawn(msgspec.Struct, frozen=True, tag=True):
    """To the child: do not begin the job that was sent."""

    about: About


class Begun(msgspec.Struct, frozen=True, tag=True):
    """To the worker: the child has taken the job; an end of the child after this is its crash."""

    about: About


class TaskInterrupted(msgspec.Struct, frozen=True, tag=True):
    """To the worker: the task ended because it was interrupted."""

    about: About
    log: tuple[LogLine, ...] = ()


class StepRecorded(msgspec.Struct, frozen=True, tag=True):
    """To the child: the step was recorded, or the claim is stale."""

    about: About
    held: bool


class Step(msgspec.Struct, frozen=True, tag=True):
    """To the worker: record this step."""

    about: About
    name: str
    result: bytes


class WaitsForJob(msgspec.Struct, frozen=True, tag=True):
    """To the worker: the task waits for the result of another job, or no longer does."""

    about: About
    now: bool


class HookBroke(msgspec.Struct, frozen=True, tag=True):
    """To the worker: a hook around the call raised; the end of the attempt follows."""

    about: About
    hook: str
    error: str


class Ended(msgspec.Struct, frozen=True, tag=True):
    """To the worker: how the attempt ended."""

    about: About
    kind: str
    body: bytes
    """The outcome as JSON of the class that ``kind`` names."""
    committed: bool = False
    """Whether the job was settled already, together with its transaction."""
    refused: bool = False
    """Whether its transaction was refused, because the claim was stale."""
    log: tuple[LogLine, ...] = ()
    """What the attempt has logged, where that is captured."""


ToChildFrame = Start | StepRecorded | Withdrawn
ToWorkerFrame = Begun | Step | Ended | TaskInterrupted | HookBroke | WaitsForJob

_OUTCOMES: dict[str, type[Outcome]] = {kind.__name__: kind for kind in Outcome.__args__}
_ENCODER = msgspec.json.Encoder()
ToChild = msgspec.json.Decoder(ToChildFrame)
ToWorker = msgspec.json.Decoder(ToWorkerFrame)


def pack(message: ToChildFrame | ToWorkerFrame) -> bytes:
    """Write a message with its length in front."""
    body = _ENCODER.encode(message)
    return HEADER.pack(len(body)) + body


def about(claim: Claim) -> About:
    """Name the attempt of a claim."""
    return About(claim.job.id, claim.job.fence)


def ended(
    attempt: About, outcome: Outcome, *, committed: bool = False, refused: bool = False
) -> Ended:
    """Wrap an outcome to be sent."""
    body = _ENCODER.encode(outcome)
    return Ended(attempt, type(outcome).__name__, body, committed, refused)


def outcome_of(message: Ended) -> Outcome:
    """Unwrap an outcome that was sent."""
    return msgspec.json.decode(message.body, type=_OUTCOMES[message.kind])
