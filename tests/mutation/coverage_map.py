"""Finds the tests that reach a line: from a run under coverage, which tells them apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

SUITES = (
    "tests/unit",
    "tests/properties",
    "tests/conformance/test_contracts.py",
    "tests/services",
    "tests/client",
    "tests/testing",
    "tests/worker",
)
FALLBACK = ("tests/worker", "tests/services")
"""Run for lines that only child processes reach, which coverage cannot assign to a test."""
_BUDGET = 40.0
"""Seconds of tests, as they took alone, that one mutant is given; the quickest come first."""
_TESTS_MOST = 600


class CoverageMap:
    """Which tests reach which lines."""

    def __init__(self, lines: dict[str, dict[int, set[str]]], seconds: dict[str, float]) -> None:
        """Take tests by file and line, and the seconds of each test."""
        self._lines = lines
        self._seconds = seconds

    def tests(self, path: str, line: int) -> list[str]:
        """Return the tests to run for a line; those of its whole file where none reaches it."""
        reached = self._lines.get(path, {})
        found = reached.get(line) or set[str]().union(*reached.values())
        chosen: list[str] = []
        spent = 0.0
        for test in sorted(found, key=lambda one: self._seconds.get(one, 1.0)):
            spent += self._seconds.get(test, 1.0)
            if chosen and (spent > _BUDGET or len(chosen) >= _TESTS_MOST):
                break
            chosen.append(test)
        return chosen or list(FALLBACK)


def measure(root: Path, folder: Path) -> CoverageMap:
    """Run the suites under coverage, unless ``folder`` holds what such a run found."""
    data, seconds, report = folder / "data", folder / "seconds.json", folder / "report.json"
    if not report.exists():
        environ = {**os.environ, "MUTATION_SECONDS": str(seconds), "COVERAGE_FILE": str(data)}
        environ.pop("PYTHONPATH", None)  # the folder of the tool that makes mutants
        run = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-n", "2"]
        plugins = ["-p", "tests.mutation.contexts", "-p", "no:randomly", "-p", "no:cacheprovider"]
        command = [*run, *plugins, "-m", "not serial", *SUITES]
        subprocess.run(command, cwd=root, env=environ, check=False)
        for verb in (["combine", "--quiet"], ["json", "--show-contexts", "-o", str(report)]):
            subprocess.run(
                [sys.executable, "-m", "coverage", *verb], cwd=root, env=environ, check=True
            )
    files: dict[str, Any] = json.loads(report.read_text())["files"]
    lines: dict[str, dict[int, set[str]]] = defaultdict(dict)
    for path, file in files.items():
        for line, contexts in file.get("contexts", {}).items():
            if tests := {context for context in contexts if "::" in context}:
                lines[path][int(line)] = tests
    return CoverageMap(lines, json.loads(seconds.read_text()))
