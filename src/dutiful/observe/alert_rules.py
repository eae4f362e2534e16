"""The alerts that Prometheus can raise from the metrics; ``deploy/prometheus`` holds them."""

from __future__ import annotations

from .instrument import PrometheusRule


def _grown(name: str, by: str, window: str) -> str:
    """Write an expression for a counter that grew, also from nothing.

    ``increase`` alone does not see the first step of a series that did not exist before it.
    """
    total = f"sum by ({by}) ({name}"
    return (
        f"sum by ({by}) (increase({name}[{window}])) > 0 "
        f"or ({total}) unless {total} offset {window})) > 0"
    )


_FAILED = 'dutiful_jobs_settled_total{outcome=~"retried|dead"}'
_ENDED = 'dutiful_jobs_settled_total{outcome=~"succeeded|retried|dead"}'
_LONGEST = "max by (job, task) (dutiful_worker_longest_attempt_seconds)"
_USUAL = (
    "histogram_quantile(0.99, sum by (job, task, le) (rate(dutiful_job_run_seconds_bucket[1d])))"
)

RULES: tuple[PrometheusRule, ...] = (
    PrometheusRule(
        "DutifulDeadLetters",
        "sum by (job, queue, task, reason) (increase(dutiful_jobs_died_total[15m])) > 0",
        "0m",
        "warning",
        "jobs of {{ $labels.task }} died ({{ $labels.reason }})",
        "dutiful dead list",
    ),
    PrometheusRule(
        "DutifulQueueOld",
        "max by (job, queue) (dutiful_queue_oldest_seconds "
        "unless on (job, instance, queue) (dutiful_queue_paused == 1)) > 300",
        "5m",
        "warning",
        "the oldest due job in {{ $labels.queue }} waits for {{ $value | humanizeDuration }}",
        "dutiful queues list",
    ),
    PrometheusRule(
        "DutifulFailureRatio",
        f"sum by (job, task) (increase({_FAILED}[10m])) "
        f"/ sum by (job, task) (increase({_ENDED}[10m])) > 0.5 "
        f"and sum by (job, task) (increase({_ENDED}[10m])) >= 10",
        "10m",
        "warning",
        "{{ $value | humanizePercentage }} of the attempts of {{ $labels.task }} fail",
        "dutiful jobs list",
    ),
    PrometheusRule(
        "DutifulQueueUnserved",
        "max by (job, queue) (dutiful_queue_unserved_jobs) > 0",
        "2m",
        "critical",
        "{{ $value }} due jobs in {{ $labels.queue }}, and no live worker serves it",
        "dutiful check",
    ),
    PrometheusRule(
        "DutifulNoMetrics",
        "absent(dutiful_build_info)",
        "5m",
        "critical",
        "no process of Dutiful is scraped: all workers may be down",
        "dutiful workers list",
    ),
    PrometheusRule(
        "DutifulWorkerHung",
        'max by (job) (dutiful_workers{state="hung"}) > 0 '
        "or max by (job) (1 - dutiful_worker_healthy) > 0",
        "1m",
        "critical",
        "a worker hangs: its loop does not answer",
        "dutiful workers list",
    ),
    PrometheusRule(
        "DutifulWorkersLost",
        "sum by (job) (increase(dutiful_workers_lost_total[30m])) >= 3",
        "0m",
        "warning",
        "{{ $value | humanize }} workers were lost within 30 minutes",
        "dutiful workers list",
    ),
    PrometheusRule(
        "DutifulLeaseLag",
        "max by (job, instance) (dutiful_worker_lease_lag_seconds) > 6",
        "1m",
        "warning",
        "{{ $labels.instance }} renews its lease too late",
        "dutiful workers list",
    ),
    PrometheusRule(
        "DutifulSlotsBlocked",
        "sum by (job, instance) (dutiful_worker_slots_blocked) "
        "/ (sum by (job, instance) (dutiful_worker_slots) > 0) > 0.5",
        "5m",
        "warning",
        "more than half of the slots of {{ $labels.instance }} hold jobs that do not end",
        "dutiful workers list",
    ),
    PrometheusRule(
        "DutifulOccurrenceLate",
        _grown("dutiful_occurrences_late_total", "job, schedule, what", "15m"),
        "0m",
        "warning",
        "schedule {{ $labels.schedule }} is late ({{ $labels.what }})",
        "dutiful schedules list",
    ),
    PrometheusRule(
        "DutifulOccurrenceMissed",
        _grown("dutiful_occurrences_missed_total", "job, schedule", "15m"),
        "0m",
        "warning",
        "occurrences of schedule {{ $labels.schedule }} were missed",
        "dutiful schedules list",
    ),
    PrometheusRule(
        "DutifulUnknownTask",
        _grown("dutiful_jobs_parked_total", "job, queue, task, reason", "15m"),
        "0m",
        "warning",
        "jobs of {{ $labels.task }} wait for other code ({{ $labels.reason }})",
        "dutiful jobs list",
    ),
    PrometheusRule(
        "DutifulJobsExpiring",
        'sum by (job, queue, task) (increase(dutiful_jobs_died_total{reason="expired"}[15m])) > 0',
        "0m",
        "warning",
        "jobs of {{ $labels.task }} expired before a worker started them",
        "dutiful dead list",
    ),
    PrometheusRule(
        "DutifulJobLong",
        f"{_LONGEST} > 60 and {_LONGEST} > 10 * {_USUAL}",
        "1m",
        "warning",
        "a job of {{ $labels.task }} runs for {{ $value | humanizeDuration }}, "
        "ten times as long as its task usually does",
        "dutiful workers list",
    ),
    PrometheusRule(
        "DutifulStoreWarning",
        "sum by (job) (increase(dutiful_store_warnings_total[1h])) > 0",
        "0m",
        "warning",
        "something makes the store slower with time",
        "dutiful check",
    ),
    PrometheusRule(
        "DutifulRetentionBehind",
        "max by (job, state) (dutiful_retention_behind_seconds) > 7200",
        "10m",
        "warning",
        "finished jobs ({{ $labels.state }}) should have been deleted "
        "{{ $value | humanizeDuration }} ago",
        "dutiful check",
    ),
    PrometheusRule(
        "DutifulSinkFailing",
        "sum by (job, sink) (increase(dutiful_alert_sends_failed_total[15m])) >= 3",
        "0m",
        "warning",
        "messages about alerts cannot be sent to {{ $labels.sink }}",
        "dutiful alerts list",
    ),
    PrometheusRule(
        "DutifulStoreErrors",
        "sum by (job, error) (rate(dutiful_store_errors_total[5m])) > 0.1 "
        "or max by (job) (dutiful_store_reading_age_seconds) > 120",
        "2m",
        "critical",
        "round trips to the store fail",
        "dutiful check",
    ),
)
"""All alerts, the most frequent first."""
