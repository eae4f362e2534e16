"""Which workers an order means, and whether they have carried it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Literal

from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.core.errors import BadOption, UnknownWorker
from dutiful.core.text import shown, whole

Verb = Literal["quiet", "drain", "resume"]

_HEARTBEAT = 2_000_000
"""Microseconds; that of a worker which has not reported its own."""


def chosen(
    workers: Iterable[WorkerStatus], names: Sequence[str], host: str | None, everyone: bool
) -> list[WorkerStatus]:
    """Return the workers that are meant; lost ones take no orders.

    UnknownWorker for a name that is neither an id nor the beginning of exactly one; BadOption when
    no worker is named, or names and filters are mixed.
    """
    alive = {worker.info.id: worker for worker in workers if not worker.lost}
    if bool(names) + (host is not None) + everyone != 1:
        raise BadOption("name workers, or give a host, or all; exactly one of these")
    if everyone:
        return list(alive.values())
    if host is not None:
        found = [one for one in alive.values() if host in (one.info.host, hostname(one))]
        if not found:
            hosts = sorted({hostname(one) for one in alive.values()})
            near = get_close_matches(host, hosts, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadOption(f"no worker runs on host {shown(host)}{hint}")
        return found
    return list({one.info.id: one for one in (named(alive, name) for name in names)}.values())


def named(alive: dict[str, WorkerStatus], given: str) -> WorkerStatus:
    """Return the worker of an id or of its beginning; raises UnknownWorker."""
    name = whole(given, "worker name")
    if name in alive:
        return alive[name]
    beginning = [one for key, one in alive.items() if name and key.startswith(name)]
    if len(beginning) == 1:
        return beginning[0]
    if beginning:
        raise UnknownWorker(name, tuple(one.info.id for one in beginning), several=True)
    raise UnknownWorker(name, tuple(get_close_matches(name, alive, 1, 0.5)))


def hostname(worker: WorkerStatus) -> str:
    """Return the name of a worker's host, without the boot and the namespace that follow it."""
    return worker.info.host.partition("/")[0]


def within(workers: Iterable[WorkerStatus]) -> int:
    """Return the microseconds after which all of them have renewed their leases, if they live.

    An idle worker renews half as often as it says.
    """
    beats = (0 if one.report is None else one.report.heartbeat for one in workers)
    return 2 * max((beat or _HEARTBEAT for beat in beats), default=_HEARTBEAT)


def carried_out(worker: WorkerStatus | None, verb: Verb) -> bool:
    """Whether a worker has done what it was ordered; one that has ended does nothing any more."""
    if worker is None or worker.lost:
        return True
    if verb == "drain":
        return False
    state = "serving" if verb == "resume" else "quiet"
    return worker.report is not None and worker.report.state in (state, "draining")
