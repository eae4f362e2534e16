"""A Prometheus on loopback, where the program is installed; `make peers` installs it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.until import wait_until

_SETTINGS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: dutiful
    static_configs: [{{targets: {targets}}}]
"""


def program(name: str) -> str:
    """Return the path of a program of the peer, or skip where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"peer: no {name} on this machine")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Prometheus:
    """One server, as its API answers."""

    def __init__(self, port: int) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **query: str) -> Any:
        url = f"{self._api}/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - of a test's own
            return json.load(answer)["data"]

    def ask(self, expr: str) -> list[Any]:
        """Return the samples of an expression."""
        found: list[Any] = self.get("query", query=expr)["result"]
        return found

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        alerts = self.get("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def answers(self) -> bool:
        try:
            return bool(self.get("status/buildinfo"))
        except OSError:
            return False


@contextmanager
def prometheus(folder: Path, targets: Sequence[str], rules: Path) -> Iterator[Prometheus]:
    """Run a server that scrapes targets every second, with a folder of its own."""
    command, port = program("prometheus"), free_port()
    settings = folder / "prometheus.yml"
    settings.write_text(_SETTINGS.format(rules=rules, targets=json.dumps(list(targets))))
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                command,
                f"--config.file={settings}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            running = Prometheus(port)
            wait_until(lambda: running.answers() or process.poll() is not None, 60)
            assert process.poll() is None, (folder / "prometheus.log").read_text()
            yield running
        finally:
            process.terminate()
            process.wait(30)
