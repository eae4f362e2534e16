"""What a worker and its child processes say to each other: JSON in length-prefixed frames."""

from __future__ import annotations

import struct

import msgspec

from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome

HEADER = struct.Struct("!I")


class Start(msgspec.Struct, frozen=True, tag=True):
    """To the child: run this claim's job."""

    module: str
    attribute: str
    url: str | None
    claim: Claim
    handle: bytes
    """The claim's handle as JSON; only engines whose handles are plain data get a transaction."""
    bytes_max: int


class Withdrawn(msgspec.Struct, frozen=True, tag=True):
    """To the child: do not begin the job that you were given."""


class Begun(msgspec.Struct, frozen=True, tag=True):
    """To the worker: the job was taken; what follows is the job's doing."""


class Interrupted(msgspec.Struct, frozen=True, tag=True):
    """To the worker: the task ended because it was interrupted."""


class Recorded(msgspec.Struct, frozen=True, tag=True):
    """To the child: the step was recorded, or the claim is stale."""

    held: bool


class Step(msgspec.Struct, frozen=True, tag=True):
    """To the worker: record this step."""

    name: str
    result: bytes


class Ended(msgspec.Struct, frozen=True, tag=True):
    """To the worker: how the attempt ended."""

    kind: str
    body: bytes
    """The outcome as JSON of the class that ``kind`` names."""
    committed: bool = False
    """Whether the job was settled already, together with its transaction."""
    refused: bool = False
    """Whether its transaction was refused, because the claim was stale."""


_OUTCOMES: dict[str, type[Outcome]] = {kind.__name__: kind for kind in Outcome.__args__}
_ENCODER = msgspec.json.Encoder()
ToChild = msgspec.json.Decoder(Start | Recorded | Withdrawn)
ToWorker = msgspec.json.Decoder(Begun | Step | Ended | Interrupted)


def pack(message: Start | Recorded | Withdrawn | Begun | Step | Ended | Interrupted) -> bytes:
    """Write a message with its length in front."""
    body = _ENCODER.encode(message)
    return HEADER.pack(len(body)) + body


def ended(outcome: Outcome, *, committed: bool = False, refused: bool = False) -> Ended:
    """Wrap an outcome to be sent."""
    return Ended(type(outcome).__name__, _ENCODER.encode(outcome), committed, refused)


def outcome_of(message: Ended) -> Outcome:
    """Unwrap an outcome that was sent."""
    return msgspec.json.decode(message.body, type=_OUTCOMES[message.kind])
