"""How long the bodies of attempts ran, gathered for one report in each turn of the fetch loop."""

from __future__ import annotations

from dutiful.contract.meter import AttemptsRan, Meter
from dutiful.core.job import Job


class RunTimes:
    """Gathers only while metrics listen; called on the loop."""

    def __init__(self, meter: Meter) -> None:
        """Gather nothing yet."""
        self._meter = meter
        self._runs: dict[tuple[str, str], list[float]] = {}

    def add(self, job: Job, seconds: float) -> None:
        """Note how long one body ran."""
        if self._meter.take is not None:
            try:
                self._runs[job.queue, job.task].append(seconds)
            except KeyError:
                self._runs[job.queue, job.task] = [seconds]

    def report(self) -> None:
        """Report what was gathered."""
        if self._runs and (take := self._meter.take) is not None:
            runs, self._runs = self._runs, {}
            take(AttemptsRan(runs))
