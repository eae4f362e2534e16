"""What a worker says about itself with each renewal of its lease, and what it may be ordered to do.

A report is stored as JSON in ASCII, which every database takes. Any program may have written the
column, so reading one either gives a report with the right types or raises ValueError.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Order = Literal["quiet", "drain"]
"""``quiet``: claim nothing more; ``drain``: end as SIGTERM does. Without an order: serve."""

ORDERS: tuple[Order, ...] = ("quiet", "drain")

RUNNING_MAX = 64
"""How many running jobs a report names."""
_TEXT_MAX = 200
VERSION_MAX = 200
"""How many characters the version of an app may have."""
_REASON_MAX = 1_000
_BYTES_MAX = 64 * 1024
"""A longer text in the column is not read: no report is so long."""

Micros = Annotated[int, Meta(ge=0, le=2**62)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]


class ReportedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that occupies a slot."""

    id: str
    task: str
    started_at: Annotated[int, Meta(ge=-(2**62), le=2**62)] | None = None
    """When it was claimed, in microseconds by the store's clock."""


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """One worker, when it last renewed its lease; spans are microseconds up to that moment."""

    state: str
    """``serving``, ``quiet`` (no new claims), ``draining`` (ends when its jobs have ended) or
    ``hung`` (it is about to end, or cannot). A newer release may have other words."""
    reason: str = ""
    """Why it hangs; empty otherwise."""
    hung_for: Micros = 0
    """How long it has hung."""
    loop_lag: Micros = 0
    """How late its event loop answered when it was last asked, or how long it owes an answer."""
    slots: Count = 0
    in_use: Count = 0
    blocked: Count = 0
    """Slots whose job is past its hard timeout, or waits for the result of another job."""
    running: tuple[ReportedJob, ...] = ()
    """The jobs in the slots, the longest running first, at most `RUNNING_MAX`."""
    progress_for: Micros | None = None
    """Since a job last started or was settled; None if none has yet."""
    store_for: Micros | None = None
    """Since the store last answered; None if it has not yet."""
    store_took: Micros = 0
    """How long that answer took."""
    outage_for: Micros = 0
    """How long some of its calls have failed because of the store, though this report arrived."""
    renewal_lag: Micros = 0
    """How much later than planned the previous renewal was answered."""
    heartbeat: Micros = 0
    """How often it renews its lease, and so looks for orders; an idle worker half as often."""
    rss_mb: Amount = 0.0
    """Resident memory, in MiB; 0 where it is not known."""
    app_version: str = ""
    """The version of the app's code, if the app says it."""


_DECODER = msgspec.json.Decoder(WorkerReport)


def encode_report(report: WorkerReport) -> str:
    """Write a report as it is stored: JSON in ASCII of a bounded length."""
    short = msgspec.structs.replace(
        report,
        reason=report.reason[:_REASON_MAX],
        app_version=report.app_version[:VERSION_MAX],
        running=tuple(
            ReportedJob(id=job.id[:_TEXT_MAX], task=job.task[:_TEXT_MAX], started_at=job.started_at)
            for job in report.running[:RUNNING_MAX]
        ),
    )
    return json.dumps(msgspec.to_builtins(short), separators=(",", ":"))


def decode_report(stored: object) -> WorkerReport | None:
    """Read a stored report; None where there is none. ValueError when it cannot be read."""
    if stored is None:
        return None
    if not isinstance(stored, str) or len(stored) > _BYTES_MAX:
        raise ValueError("not a report")
    try:
        report = _DECODER.decode(stored)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise ValueError("not a report") from error
    if len(report.running) > RUNNING_MAX:
        return msgspec.structs.replace(report, running=report.running[:RUNNING_MAX])
    return report


def order_of(stored: object) -> Order | None:
    """Read a stored order; None where there is none. ValueError when it cannot be read."""
    if stored is None:
        return None
    for order in ORDERS:
        if stored == order:
            return order
    raise ValueError("not an order")
