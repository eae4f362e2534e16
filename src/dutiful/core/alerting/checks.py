"""What the rules that are on by default measure: one function for each, over a sample.

A check yields what it measures also below the threshold: `judge` compares it with the limit that
applies to its queue and task. `rules` has the limits.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from dutiful.core.instant import MINUTE, SECOND, spell

from .rule import Condition
from .sample import Activity, QueueSample, Sample

_DEATHS, _FAILURES, _PARKED, _SILENCE = 15 * MINUTE, 3 * MINUTE, 2 * MINUTE, 2 * MINUTE
_LOSSES, _LATENESS, _EXPIRY = 10 * MINUTE, 10 * MINUTE, 10 * MINUTE
_PATIENCE = 6
FAILED_MIN = 20
"""A share of failures is measured from so many ended attempts."""
USUAL_RUNS_MIN = 20
SILENT = "silent"
"""The name of the activity of workers whose lease ran out, though their process may exist."""
SLOW_MIN = 10 * MINUTE
"""No job that has run for less counts as slow."""


def dead_letters(sample: Sample) -> Iterator[Condition]:
    """Measure how many jobs of a task died in the last 15 minutes."""
    for one in _tasks(sample, _DEATHS):
        if one.dead:
            yield Condition(
                subject=one.name,
                queue=one.queue,
                task=one.name,
                value=one.dead,
                count=one.dead,
                title=f"{_jobs(one.dead)} of {one.name} became dead letters",
                text=f"in queue {one.queue}, in the last 15 minutes",
                error=one.error,
                command=f"dutiful dead list --task {shlex.quote(one.name)}",
            )


def queue_age(sample: Sample) -> Iterator[Condition]:
    """Measure for how long a queue's first job has waited; in a burst that ends, a sixth of it.

    A burst ends if at the rate of the last three minutes its jobs are done before the oldest has
    waited twice as long. A job that is passed over again and again is found nevertheless.
    """
    for queue in sample.queues:
        if queue.paused or not queue.served or queue.oldest_at is None or not queue.queued:
            continue
        age = sample.at - queue.oldest_at
        left = _time_left(sample, queue)
        ends = left is not None and left < age
        yield Condition(
            subject=queue.name,
            queue=queue.name,
            value=age / _PATIENCE if ends else age,
            count=queue.queued,
            title=f"the oldest job in queue {queue.name} has waited for {_rough(age)}",
            text=f"{_jobs(queue.queued)} can start, {queue.running:,} run",
            command=f"dutiful jobs list --queue {shlex.quote(queue.name)} --state queued",
            since=queue.oldest_at,
        )


def failure_ratio(sample: Sample) -> Iterator[Condition]:
    """Measure which share of a task's attempts failed in the last three minutes."""
    for one in _tasks(sample, _FAILURES):
        ended = one.succeeded + one.failed
        if one.failed and ended >= FAILED_MIN:
            share = one.failed / ended
            yield Condition(
                subject=one.name,
                queue=one.queue,
                task=one.name,
                value=share,
                count=one.failed,
                title=f"{share:.0%} of the attempts of {one.name} fail",
                text=f"{one.failed:,} of {ended:,} in queue {one.queue}, in three minutes",
                error=one.error,
                command=f"dutiful jobs list --task {shlex.quote(one.name)}",
            )


def queue_unserved(sample: Sample) -> Iterator[Condition]:
    """Find queues that hold due jobs and are served by no live worker."""
    for queue in sample.queues:
        if queue.queued and not queue.served and not queue.paused:
            yield Condition(
                subject=queue.name,
                queue=queue.name,
                value=queue.queued,
                count=queue.queued,
                title=f"no live worker serves queue {queue.name}",
                text=f"{_jobs(queue.queued)} {'is' if queue.queued == 1 else 'are'} due",
                command="dutiful workers list",
            )


def worker_hung(sample: Sample) -> Iterator[Condition]:
    """Measure for how long a worker has not answered, or has been silent beyond its lease."""
    for worker in sample.workers:
        if worker.lost:
            continue
        if worker.hung_for:
            why, span = "its loop does not answer", worker.hung_for
        elif not worker.alive:
            why, span = "it no longer renews its lease", worker.silent_for
        else:
            continue
        yield Condition(
            subject=worker.id,
            value=span,
            count=max(worker.running, 1),
            title=f"worker {worker.id} hangs: {why}",
            text=f"for {_rough(span)}; it holds {_jobs(worker.running)}, on host {worker.host}",
            command="dutiful workers list",
            since=sample.at - span,
        )
    for one in sample.losses(_SILENCE):
        if one.name == SILENT:
            yield Condition(
                subject=SILENT,
                value=MINUTE,
                count=one.lost,
                title="a worker fell silent, and its jobs were rescued",
                text="it is frozen, cut off from the store, or dead on another host",
                error=one.error,
                command="dutiful workers list",
            )


def worker_lost(sample: Sample) -> Iterator[Condition]:
    """Measure how many workers were lost in the last ten minutes."""
    rows = sample.losses(_LOSSES)
    if lost := sum(one.lost for one in rows):
        yield Condition(
            value=lost,
            count=lost,
            title=f"{lost} workers were lost in ten minutes",
            text="their jobs were rescued",
            error=rows[0].error,
            command="dutiful workers list",
        )


def schedule_late(sample: Sample) -> Iterator[Condition]:
    """Find schedules whose occurrences were late or missed, or that are due and not made."""
    late = {one.name: one for one in sample.recent(_LATENESS) if one.kind == "schedule"}
    overdue = {one.name: one for one in sample.schedules if one.overdue_for > 2 * MINUTE}
    for name in sorted({*late, *overdue}):
        row, waits = late.get(name), overdue.get(name)
        count = (row.late + row.missed if row else 0) + (1 if waits else 0)
        if not count:
            continue
        said: list[str] = []
        if row:
            parts = ((row.missed, "missed"), (row.late, "late"))
            said += [f"{number} {word}" for number, word in parts if number]
        if waits:
            said.append(f"one has been due for {_rough(waits.overdue_for)}")
        yield Condition(
            subject=name,
            value=count,
            count=count,
            title=f"schedule {name} is late",
            text=f"occurrences of the last ten minutes: {', '.join(said)}",
            error=(waits and waits.broken) or (row.error if row else ""),
            command=f"dutiful schedules show {shlex.quote(name)}",
        )


def unknown_task(sample: Sample) -> Iterator[Condition]:
    """Find jobs whose task no worker of their queue knows."""
    for one in _tasks(sample, _PARKED):
        if one.unknown:
            yield Condition(
                subject=one.name,
                queue=one.queue,
                task=one.name,
                value=one.unknown,
                count=one.unknown,
                title=f"workers do not know the task {one.name}",
                text=f"jobs in queue {one.queue} wait for code that has it",
                error=one.error,
                command=f"dutiful jobs list --task {shlex.quote(one.name)}",
            )


def jobs_expiring(sample: Sample) -> Iterator[Condition]:
    """Measure how many jobs expired in the last ten minutes before a worker started them."""
    for one in _tasks(sample, _EXPIRY):
        if one.expired:
            yield Condition(
                subject=one.name,
                queue=one.queue,
                task=one.name,
                value=one.expired,
                count=one.expired,
                title=f"{_jobs(one.expired)} of {one.name} expired",
                text=f"no worker of queue {one.queue} started them in time",
                command=f"dutiful dead list --reason expired --task {shlex.quote(one.name)}",
            )


def job_slow(sample: Sample) -> Iterator[Condition]:
    """Measure how many times longer than usual the slowest job of a task has run."""
    slowest: dict[str, Condition] = {}
    for job in sample.running:
        usual, ran = sample.usual.get(job.task), sample.at - job.started_at
        if usual is None or usual.runs < USUAL_RUNS_MIN or ran < max(SLOW_MIN, usual.longest):
            continue
        found = slowest.get(job.task)
        times = ran / max(usual.mean, 1)
        if found is None or times > found.value:
            slowest[job.task] = Condition(
                subject=job.task,
                queue=job.queue,
                task=job.task,
                value=times,
                title=f"a job of {job.task} has run for {_rough(ran)}",
                text=f"usually it takes {_rough(usual.mean)}; worker {job.worker}",
                command=f"dutiful jobs show {shlex.quote(job.id)}",
                since=job.started_at,
            )
    yield from slowest.values()


def store_trouble(sample: Sample) -> Iterator[Condition]:
    """Find what holds the store back, such as an old snapshot."""
    return _warnings(sample, "the store is held back", full=False)


def store_full(sample: Sample) -> Iterator[Condition]:
    """Find a disk that is nearly full."""
    return _warnings(sample, "the store is nearly full", full=True)


def retention_behind(sample: Sample) -> Iterator[Condition]:
    """Measure for how long the oldest finished job should have been deleted."""
    for one in sample.retention:
        yield Condition(
            subject=one.state,
            value=one.behind,
            title=f"{one.state} jobs are not deleted in time",
            text=f"the oldest should have been deleted {_rough(one.behind)} ago",
            command=f"dutiful jobs list --state {one.state}",
        )


def sink_failing(sample: Sample) -> Iterator[Condition]:
    """Measure how often in a row a sink could not be reached; other sinks are notified."""
    for one in sample.sinks:
        yield Condition(
            subject=one.name,
            value=one.failures,
            count=one.failures,
            title=f"messages cannot be sent to {one.name}",
            text=f"{one.failures} tries failed",
            error=one.error,
            command="dutiful alerts list",
            since=one.since,
        )


def _warnings(sample: Sample, title: str, *, full: bool) -> Iterator[Condition]:
    for one in sample.warnings:
        if one.full == full:
            yield Condition(
                subject=one.about, value=1, title=title, text=one.text, command="dutiful check"
            )


def _tasks(sample: Sample, span: int) -> Iterator[Activity]:
    return (one for one in sample.recent(span) if one.kind == "task")


def _time_left(sample: Sample, queue: QueueSample) -> float | None:
    """Return how long the queued jobs take at the rate of the last minutes; None for no rate."""
    rows = [one for one in _tasks(sample, _FAILURES) if one.queue == queue.name]
    ended = sum(one.succeeded + one.dead for one in rows)
    return queue.queued * _FAILURES / ended if ended else None


def _jobs(count: int) -> str:
    return f"{count:,} job{'' if count == 1 else 's'}"


def _rough(span: float) -> str:
    """Write a span in whole seconds, or in whole minutes from ten of them on."""
    unit = MINUTE if span >= 10 * MINUTE else SECOND
    return spell(max(round(span / unit), 1) * unit)
