"""Measures how many changes of the code the tests catch: ``make mutants``.

Cosmic Ray makes the changes of Python code, of which a seed samples some; the tests that reach a
changed line are run against it. The statements of both engines are changed one by one, and the
contracts and the engine's own tests are run. What survives is listed, with the reason if one is
known (`survivors.toml`).
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutation.coverage_map import measure
from tests.mutation.planted import PLANTED
from tests.mutation.running import Verdict, copies
from tests.mutation.statements import ENGINES, changes

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.toml")


class Trial(NamedTuple):
    """One changed file and the tests that may catch it."""

    kind: str
    name: str
    path: str
    after: str
    tests: Sequence[str]
    seconds: float


def main() -> int:
    """Run the trials that the command line asks for; print each and the score of each kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="mutants of Python code")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("python", *ENGINES, "planted"), action="append")
    parser.add_argument("--match", default="", help="only changes whose name holds this")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kept", type=Path, help="folder in which the coverage run is kept")
    parser.add_argument("--json", type=Path, help="file for the verdicts")
    given = parser.parse_args()
    kinds = given.only or ["python", *ENGINES, "planted"]
    trials: list[Trial] = []
    if "python" in kinds:
        trials += _python(given.count, given.seed, given.kept)
    for engine in ENGINES:
        if engine in kinds:
            trials += _statements(engine)
    if "planted" in kinds:
        trials += _planted()
    trials = [trial for trial in trials if given.match in trial.name]
    verdicts = _judge(trials, given.processes)
    if given.json:
        given.json.write_text(json.dumps(verdicts, indent=1))
    return _report(trials, verdicts)


def _python(count: int, seed: int, kept: Path | None) -> list[Trial]:
    from tests.mutation.mutants import sample

    folder = kept or Path(tempfile.mkdtemp(prefix="dutiful-coverage-"))
    folder.mkdir(parents=True, exist_ok=True)
    reached = measure(ROOT, folder)
    return [
        Trial("python", one.name, one.path, one.after, reached.tests(one.path, one.line), 180.0)
        for one in sample(ROOT, count, seed)
    ]


def _statements(engine: str) -> list[Trial]:
    tests = ("tests/conformance/test_contracts.py", f"tests/engines/{engine}", "-k", engine)
    return [
        Trial(engine, one.name, one.path, one.after, tests, 400.0) for one in changes(ROOT, engine)
    ]


def _planted() -> list[Trial]:
    trials: list[Trial] = []
    for one in PLANTED:
        text = (ROOT / one.path).read_text(encoding="utf-8")
        assert one.before in text, f"{one.name}: nothing to change"
        after = text.replace(one.before, one.after, 1)
        trials.append(Trial("planted", one.name, one.path, after, one.tests, 400.0))
    return trials


def _judge(trials: Sequence[Trial], processes: int) -> dict[str, Verdict]:
    todo: queue.SimpleQueue[Trial] = queue.SimpleQueue()
    for trial in trials:
        todo.put(trial)
    verdicts: dict[str, Verdict] = {}
    with copies(ROOT, processes) as made:

        def work(number: int) -> None:
            copy = made[number]
            while not todo.empty():
                try:
                    trial = todo.get_nowait()
                except queue.Empty:
                    return
                began = time.monotonic()
                with copy.changed(trial.path, trial.after):
                    verdict = copy.judge(trial.tests, trial.seconds)
                verdicts[trial.name] = verdict
                took = time.monotonic() - began
                print(f"{len(verdicts)}/{len(trials)} {verdict:15} {took:5.1f} s  {trial.name}")
                sys.stdout.flush()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return verdicts


def _report(trials: Sequence[Trial], verdicts: dict[str, Verdict]) -> int:
    reasons: dict[str, str] = tomllib.loads(SURVIVORS.read_text()).get("reasons", {})
    alive = [trial for trial in trials if verdicts[trial.name] == "survived"]
    for kind in dict.fromkeys(trial.kind for trial in trials):
        total = [trial for trial in trials if trial.kind == kind]
        caught = len(total) - sum(trial.kind == kind for trial in alive)
        print(f"{kind}: {caught} of {len(total)} caught, {caught / len(total):.0%}")
    for trial in alive:
        print(f"survived: {trial.name}\n    {reasons.get(trial.name, 'no reason is known')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
