"""Finds the tests that reach a line: from a run under coverage, which tells them apart."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.mutation.running import Round

SUITES = (
    "tests/unit",
    "tests/properties",
    "tests/conformance/test_contracts.py",
    "tests/services",
    "tests/client",
    "tests/testing",
    "tests/worker",
)
_CHILDREN = (
    (r"forks|body|threads|child|first_process|frames", "forks limits crashes"),
    (r"supervisor|serve|signals|options|worker|process_end", "exit_codes supervisor process_end"),
    (r"", "crashes shutdown"),
)
"""By a file's name: tests whose children run it, which coverage cannot assign to a test."""
_BUDGETS = ((6.0, 120), (40.0, 400), (120.0, 1000))
"""Seconds of tests, as they took alone, and how many; what survives is given the next."""


class CoverageMap:
    """Which tests reach which lines."""

    def __init__(self, lines: dict[str, dict[int, set[str]]], seconds: dict[str, float]) -> None:
        """Take tests by file and line, and the seconds of each test."""
        self._lines = lines
        self._seconds = seconds

    def rounds(self, path: str, line: int) -> list[Round]:
        """Return the tests for a line, the likeliest first; if none reaches it, for its file."""
        reached = self._lines.get(path, {})
        found = reached.get(line) or set[str]().union(*reached.values())
        left = sorted(found, key=lambda one: (_distance(path, one), self._seconds[one], one))
        chosen: list[Round] = []
        for budget, most in _BUDGETS:
            spent, count = 0.0, 0
            while count < min(len(left), most) and (spent < budget or not count):
                spent += self._seconds[left[count]]
                count += 1
            if count:
                chosen.append(Round(left[:count], 120.0 + 5 * spent))
            left = left[count:]
        if path.startswith("src/dutiful/worker") or not chosen:
            stem = Path(path).stem
            names = next(names for pattern, names in _CHILDREN if re.search(pattern, stem)).split()
            children = [f"tests/worker/test_{name}.py" for name in names]
            chosen.append(Round((*children, "-m", "not serial"), 400.0))
        return chosen


def _distance(path: str, test: str) -> int:
    """How far a test is from a file: named after it, of its parts, or of the whole."""
    if Path(path).stem in test.partition("::")[0]:
        return 0
    return 1 if test.startswith(("tests/unit", "tests/properties")) else 2


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
    took: dict[str, float] = json.loads(seconds.read_text())
    # A running server's store is made already, which the contract of opening one would notice.
    took = {test: each for test, each in took.items() if "::TestOpen::" not in test}
    files: dict[str, Any] = json.loads(report.read_text())["files"]
    lines: dict[str, dict[int, set[str]]] = defaultdict(dict)
    for path, file in files.items():
        for line, contexts in file.get("contexts", {}).items():
            if tests := {context for context in contexts if context in took}:
                lines[path][int(line)] = tests
    return CoverageMap(lines, took)
