"""A pytest plugin: notes which test reached which line, and how long each test took."""

from __future__ import annotations

import json
import os
from pathlib import Path

import coverage
import pytest

_seconds: dict[str, float] = {}
_failed: set[str] = set()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let what is covered from now on count for this test."""
    if (current := coverage.Coverage.current()) is not None:
        current.switch_context(item.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what a test takes; one that fails unchanged code can judge no change."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Registration) -> None:
    """Write the durations, once."""
    if not hasattr(session.config, "workerinput"):
        passed = {test: took for test, took in _seconds.items() if test not in _failed}
        Path(os.environ["MUTATION_SECONDS"]).write_text(json.dumps(passed))
