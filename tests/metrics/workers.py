"""Real workers that serve metrics."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.servers.prometheus import free_port
from tests.until import wait_until

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


class Served:
    """A worker, and what it serves."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.address, self.log = process, f"127.0.0.1:{port}", log

    def get(self, path: str, accept: str = OPEN_METRICS) -> tuple[int, str]:
        """Return status and body; 0 without an answer."""
        request = urllib.request.Request(f"http://{self.address}{path}", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def families(self) -> dict[str, Metric]:
        """Return what it measures, parsed as OpenMetrics."""
        status, text = self.get("/metrics")
        assert status == 200, text
        return {family.name: family for family in text_string_to_metric_families(text)}

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels."""
        return sum(
            sample.value
            for family in self.families().values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200


@contextmanager
def worker(
    folder: Path, app: str, *options: str, name: str = "worker", environ: dict[str, str]
) -> Iterator[Served]:
    """Run ``dutiful worker`` with metrics until it is ready; stop it at the end."""
    port, log = free_port(), folder / f"{name}.log"
    command = [sys.executable, "-m", "dutiful", "worker", app, "--grace", "0s", *options]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--metrics", f"127.0.0.1:{port}"],
            cwd=folder,
            env={**os.environ, **environ},
            stdout=out,
            stderr=out,
        )
    served = Served(process, port, log)
    try:
        wait_until(lambda: served.ready() or process.poll() is not None, what=str(log))
        assert process.poll() is None, log.read_text()
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
