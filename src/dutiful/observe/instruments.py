"""The table of all metrics. Reference page, dashboard and the back ends are made from it."""

from __future__ import annotations

from .instrument import Instrument, Kind, MetricGroup, Panel

JOB = ("queue", "task")
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds of a round trip."""
LONG = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
"""Seconds that a job waits or runs."""

_CLAIM = "each claim, of a worker"
_SETTLEMENT = "each settlement that the store accepted"
_STORE = "the store, read at most once in 10 s"
_VITALS = "the worker, at the scrape"
_RATE = "sum by ({by}) (rate({name}[$w]))"
_SLOW = "histogram_quantile(0.95, sum by (le, {by}) (rate({name}_bucket[$w])))"


def _counter(
    group: MetricGroup,
    name: str,
    text: str,
    source: str,
    labels: tuple[str, ...] = (),
    *panels: Panel,
) -> Instrument:
    return Instrument(
        group=group,
        name=f"dutiful_{name}_total",
        kind=Kind.COUNTER,
        help=text,
        source=source,
        stored=source == _STORE,
        labels=labels,
        panels=panels,
    )


def _gauge(
    group: MetricGroup,
    name: str,
    text: str,
    source: str,
    labels: tuple[str, ...] = (),
    *panels: Panel,
) -> Instrument:
    unit = next((unit for unit in ("seconds", "bytes") if name.endswith(f"_{unit}")), "")
    return Instrument(
        group=group,
        name=f"dutiful_{name}",
        kind=Kind.GAUGE,
        help=text,
        source=source,
        stored=source == _STORE,
        labels=labels,
        unit=unit,
        panels=panels,
    )


def _histogram(
    group: MetricGroup,
    name: str,
    text: str,
    source: str,
    labels: tuple[str, ...],
    buckets: tuple[float, ...],
    *panels: Panel,
) -> Instrument:
    return Instrument(
        group=group,
        name=f"dutiful_{name}_seconds",
        kind=Kind.HISTOGRAM,
        help=text,
        source=source,
        stored=source == _STORE,
        labels=labels,
        unit="seconds",
        buckets=buckets,
        panels=panels,
    )


def _rate(title: str, name: str, by: str) -> Panel:
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return Panel(title, _RATE.format(name=f"dutiful_{name}_total", by=by), legend, "ops")


def _slow(title: str, name: str, by: str) -> Panel:
    expr = _SLOW.format(name=f"dutiful_{name}_seconds", by=by)
    return Panel(title, expr, f"{{{{{by}}}}}", "s")


def _latest(title: str, name: str, by: str, unit: str = "short") -> Panel:
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return Panel(title, f"max by ({by}) (dutiful_{name})", legend, unit)


_Q, _J, _W, _S, _D = (
    MetricGroup.QUEUES,
    MetricGroup.JOBS,
    MetricGroup.WORKERS,
    MetricGroup.SCHEDULES,
    MetricGroup.STORE,
)

_QUEUES = (
    _gauge(_Q, "queue_jobs", "Jobs in the store.", _STORE, ("queue", "state"),
        Panel("Queued jobs", 'max by (queue) (dutiful_queue_jobs{state="queued"})', "{{queue}}"),
        Panel("Running jobs", 'max by (queue) (dutiful_queue_jobs{state="running"})', "{{queue}}"),
        Panel("Scheduled and waiting jobs",
            'sum by (queue) (max by (queue, state) '
            '(dutiful_queue_jobs{state=~"scheduled|waiting"}))', "{{queue}}"),
        Panel("Dead letters", 'max by (queue) (dutiful_queue_jobs{state="dead"})', "{{queue}}")),
    _gauge(_Q, "queue_oldest_seconds", "Age of the due job that has waited longest.", _STORE,
        ("queue",), _latest("Oldest due job", "queue_oldest_seconds", "queue", "s")),
    _gauge(_Q, "queue_paused", "1 while the queue is paused.", _STORE, ("queue",),
        _latest("Paused queues", "queue_paused", "queue")),
    _gauge(_Q, "queue_unserved_jobs", "Due jobs in a queue that no live worker serves.", _STORE,
        ("queue",), _latest("Due jobs without a worker", "queue_unserved_jobs", "queue")),
)  # fmt: skip

_JOBS = (
    _counter(_J, "jobs_enqueued", "Jobs that this process stored; not those of a caller's own"
        " transaction, and not those of child processes.", "each enqueue of this process", JOB,
        _rate("Enqueued by the workers", "jobs_enqueued", "queue")),
    _counter(_J, "jobs_existing", "Enqueues that met a live job with the same unique key.",
        "each enqueue of this process", JOB, _rate("Existing jobs met", "jobs_existing", "queue")),
    _counter(_J, "jobs_claimed", "Jobs that a worker took to run; prefetched ones count too.",
        _CLAIM, JOB, _rate("Claimed", "jobs_claimed", "queue")),
    _counter(_J, "jobs_settled", "Attempts that ended, by outcome.", _SETTLEMENT,
        (*JOB, "outcome"), _rate("Settled", "jobs_settled", "outcome"),
        Panel("Failure ratio", 'sum by (task) (rate(dutiful_jobs_settled_total'
            '{outcome=~"retried|dead"}[$w])) / sum by (task) '
            '(rate(dutiful_jobs_settled_total[$w]))', "{{task}}", "percentunit")),
    _counter(_J, "jobs_died", "Jobs that became dead letters, by reason.", _SETTLEMENT,
        (*JOB, "reason"), _rate("Deaths", "jobs_died", "task, reason")),
    _counter(_J, "jobs_parked", "Jobs that wait for other code, each counted once: this worker does"
        " not know the task, or its arguments.", _SETTLEMENT, (*JOB, "reason"),
        _rate("Parked", "jobs_parked", "task, reason")),
    _histogram(_J, "job_queue_wait", "Time from when a job was due until a worker took it.", _CLAIM,
        JOB, LONG, _slow("Queue wait, p95", "job_queue_wait", "task")),
    _histogram(_J, "job_run", "Time that the task itself ran in one attempt.",
        "each attempt whose body began", ("task",), LONG,
        _slow("Run time, p95", "job_run", "task")),
    _counter(_J, "jobs_pruned", "Finished jobs that this process deleted after their retention.",
        "`Pruned`", (), Panel("Pruned", "sum (rate(dutiful_jobs_pruned_total[$w]))", "pruned",
            "ops")),
)  # fmt: skip

_ONE = ("process",)
_WORKERS = (
    _gauge(_W, "workers", "Workers that the store knows.", _STORE, ("state",),
        _latest("Workers", "workers", "state")),
    _gauge(_W, "worker_healthy", "1 while the worker's loop answers.", _VITALS, _ONE,
        Panel("Healthy processes", "dutiful_worker_healthy", "{{instance}} {{process}}")),
    _gauge(_W, "worker_ready", "1 while the worker is registered, its lease holds and its loop"
        " answers.", _VITALS, _ONE,
        Panel("Ready processes", "dutiful_worker_ready", "{{instance}} {{process}}")),
    _gauge(_W, "worker_slots", "Slots of the worker.", _VITALS, _ONE, Panel("Slots in use",
        "sum by (instance) (dutiful_worker_slots_used) / "
        "sum by (instance) (dutiful_worker_slots)", "{{instance}}", "percentunit")),
    _gauge(_W, "worker_slots_used", "Slots in which a job runs.", _VITALS, _ONE),
    _gauge(_W, "worker_slots_blocked", "Slots whose job is overdue or waits for another, also"
        " in a child process.", _VITALS,
        _ONE, Panel("Blocked slots", "dutiful_worker_slots_blocked", "{{instance}} {{process}}")),
    _gauge(_W, "worker_prefetched_jobs", "Claimed jobs that wait for a slot.", _VITALS, _ONE,
        Panel("Prefetched jobs", "dutiful_worker_prefetched_jobs", "{{instance}} {{process}}")),
    _gauge(_W, "worker_longest_attempt_seconds", "How long the longest running attempt of a task"
        " has run.", _VITALS, ("process", "task"),
        _latest("Longest running attempt", "worker_longest_attempt_seconds", "task", "s")),
    _gauge(_W, "worker_lease_lag_seconds", "Time since the last renewal of the lease.", _VITALS,
        _ONE, Panel("Lease renewal lag", "dutiful_worker_lease_lag_seconds",
            "{{instance}} {{process}}", "s")),
    _gauge(_W, "worker_loop_lag_seconds", "How long the loop took, or has taken so far, to answer"
        " its heartbeat.", _VITALS, _ONE, Panel("Loop lag", "dutiful_worker_loop_lag_seconds",
            "{{instance}} {{process}}", "s")),
    _gauge(_W, "worker_resident_bytes", "Resident memory of the process.", _VITALS, _ONE,
        Panel("Resident memory", "dutiful_worker_resident_bytes", "{{instance}} {{process}}",
            "bytes")),
    _counter(_W, "workers_lost", "Workers that this process declared lost.", "`WorkerLost`", (),
        Panel("Lost workers", "sum (increase(dutiful_workers_lost_total[$w]))", "lost")),
    _counter(_W, "leases_lost", "Leases that this process could not renew in time.", "`LeaseLost`"),
    _counter(_W, "loop_stalls", "Times that the worker's loop hung.", "`WorkerStalled`"),
    _counter(_W, "slots_waiting", "Jobs that held their slot while they waited for another job.",
        "`SlotWaiting`", ("task",)),
    _counter(_W, "slots_stuck", "Jobs that ran on after their hard timeout.", "`SlotStuck`",
        ("task",), _rate("Stuck slots", "slots_stuck", "task")),
    _counter(_W, "settlements_refused", "Settlements of stale claims, which changed nothing.",
        "`ClaimsRefused`"),
    _counter(_W, "hooks_failed", "Hooks that raised an error.", "`HookFailed`"),
    _counter(_W, "services_failed", "Turns of a background service that failed.", "`ServiceFailed`",
        ("service",)),
)  # fmt: skip

_SCHEDULES = (
    _histogram(_S, "schedule_lateness", "Time from an occurrence's planned instant until its job"
        " was enqueued.", "each occurrence that this process made", (), LONG,
        Panel("Schedule lateness, p95", "histogram_quantile(0.95, sum by (le) "
            "(rate(dutiful_schedule_lateness_seconds_bucket[$w])))", "lateness", "s")),
    _counter(_S, "occurrences_late", "Occurrences that were enqueued late, or whose job did not"
        " start or finish in time.", "`OccurrenceLate`", ("schedule", "what"),
        _rate("Late occurrences", "occurrences_late", "schedule, what")),
    _counter(_S, "occurrences_missed", "Occurrences that will not be made.", "`OccurrenceMissed`",
        ("schedule",), _rate("Missed occurrences", "occurrences_missed", "schedule")),
    _counter(_S, "schedules_broken", "Schedules that were set aside because they could not be"
        " advanced.", "`ScheduleBroken`", ("schedule",)),
)  # fmt: skip

_STORES = (
    _histogram(_D, "store_call", "Duration of a round trip to the store, failed ones included.",
        "each `exchange`, `enqueue`, `renew` and `read`", ("operation",), FAST,
        Panel("Round trips", "sum by (operation) (rate(dutiful_store_call_seconds_count[$w]))",
            "{{operation}}", "ops"),
        _slow("Round trip, p95", "store_call", "operation")),
    _counter(_D, "store_errors", "Round trips that failed, by class of the error.",
        "the same round trips", ("operation", "error"),
        _rate("Store errors", "store_errors", "operation, error")),
    _counter(_D, "store_outages", "Times that the store became unusable for this process.",
        "`EngineTroubled`"),
    _counter(_D, "store_warnings", "Findings that make the store slower with time.",
        "`StoreUnhealthy`"),
    _counter(_D, "store_jobs_enqueued", "Jobs enqueued over the store's whole life, by any"
        " process.", _STORE, (),
        Panel("Enqueued by all", "max (rate(dutiful_store_jobs_enqueued_total[$w]))", "enqueued",
            "ops")),
    _counter(_D, "store_readings_failed", "Readings of the store's metrics that failed or took"
        " longer than 10 s; the last known values are shown meanwhile.", "the reader",
        (), Panel("Failed readings", "sum (rate(dutiful_store_readings_failed_total[$w]))",
            "failed", "ops")),
    _gauge(_D, "retention_behind_seconds", "For how long the oldest finished job of a state should"
        " have been deleted; 0 where none should.", _STORE, ("state",),
        _latest("Deletion is behind", "retention_behind_seconds", "state", "s")),
    _counter(_D, "alert_sends_failed", "Failed tries to send a message about an alert.",
        "`AlertNotSent`", ("sink",), _rate("Failed alert sends", "alert_sends_failed", "sink")),
    _gauge(_D, "store_reading_age_seconds", "Age of the metrics that come from the store.",
        "the reader", (), Panel("Age of readings", "max (dutiful_store_reading_age_seconds)",
            "age", "s")),
    _gauge(_D, "build_info", "1; the labels name the release, the engine and the app's version.",
        "the process", ("version", "engine", "app_version")),
)  # fmt: skip

INSTRUMENTS: tuple[Instrument, ...] = (*_QUEUES, *_JOBS, *_WORKERS, *_SCHEDULES, *_STORES)
"""All metrics, in the order in which pages and dashboard show them."""

BY_NAME: dict[str, Instrument] = {one.name: one for one in INSTRUMENTS}
