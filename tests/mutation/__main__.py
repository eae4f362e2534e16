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
from tests.mutation.running import Round, Verdict, copies
from tests.mutation.statements import ENGINES, changes, rounds

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.toml")


class Trial(NamedTuple):
    """One changed file and the tests that may catch it."""

    kind: str
    name: str
    path: str
    after: str
    rounds: Sequence[Round]
    server: bool = False
    """Whether its tests ask for PostgreSQL."""


def main() -> int:
    """Run the trials that the command line asks for; print each and the score of each kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="mutants of Python code")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("python", *ENGINES, "planted"), action="append")
    parser.add_argument("--match", default="", help="only changes whose name holds this")
    parser.add_argument("--named", type=Path, help="file of names: only these changes")
    parser.add_argument("--controls", type=int, default=15, help="runs that change nothing")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kept", type=Path, help="folder in which the coverage run is kept")
    parser.add_argument("--json", type=Path, help="file for the verdicts; those in it are kept")
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
    if given.named:
        named = set(given.named.read_text(encoding="utf-8").splitlines())
        trials = [trial for trial in trials if trial.name in named]
    trials = _with_controls(trials, given.controls)
    return _report(trials, _judge(trials, given.processes, given.json))


def _python(count: int, seed: int, kept: Path | None) -> list[Trial]:
    from tests.mutation.mutants import sample

    folder = kept or Path(tempfile.mkdtemp(prefix="dutiful-coverage-"))
    folder.mkdir(parents=True, exist_ok=True)
    reached = measure(ROOT, folder)
    return [
        Trial("python", one.name, one.path, one.after, reached.rounds(one.path, one.line), True)
        for one in sample(ROOT, count, seed)
    ]


def _statements(engine: str) -> list[Trial]:
    options = ("-k", engine, "-m", "not serial and not slow")
    trials: list[Trial] = []
    for one in changes(ROOT, engine):
        tests = [Round((*each, *options), 400.0) for each in rounds(ROOT, engine, one.statement)]
        trials.append(Trial(engine, one.name, one.path, one.after, tests, engine == "postgres"))
    return trials


def _planted() -> list[Trial]:
    trials: list[Trial] = []
    for one in PLANTED:
        text = (ROOT / one.path).read_text(encoding="utf-8")
        assert one.before in text, f"{one.name}: nothing to change"
        after = text.replace(one.before, one.after, 1)
        rounds = (Round((*one.tests, "-m", "not serial"), 600.0),)
        trials.append(Trial("planted", one.name, one.path, after, rounds, True))
    return trials


def _with_controls(trials: Sequence[Trial], count: int) -> list[Trial]:
    """Put among the trials some that change nothing, and so must survive."""
    if not count:
        return list(trials)
    found: list[Trial] = []
    every = max(1, len(trials) // count)
    for number, trial in enumerate(trials):
        found.append(trial)
        if number % every == every // 2:
            before = (ROOT / trial.path).read_text(encoding="utf-8")
            name = f"nothing, in place of {trial.name}"
            found.append(trial._replace(kind=f"{trial.kind}, control", name=name, after=before))
    return found


def _judge(trials: Sequence[Trial], processes: int, kept: Path | None) -> dict[str, Verdict]:
    verdicts: dict[str, Verdict] = {}
    if kept and kept.exists():
        verdicts = {name: Verdict(*row) for name, row in json.loads(kept.read_text()).items()}
    todo: queue.SimpleQueue[Trial] = queue.SimpleQueue()
    for trial in trials:
        if trial.name not in verdicts:
            todo.put(trial)
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
                    verdict = copy.judge(trial.rounds, server=trial.server)
                took = round(time.monotonic() - began, 1)
                verdicts[trial.name] = verdict._replace(took=took)
                if kept:
                    kept.write_text(json.dumps(dict(verdicts), indent=1))
                print(f"{todo.qsize()} left; {verdict.kind:15} {took:5.1f} s  {trial.name}")
                sys.stdout.flush()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return verdicts


def _report(trials: Sequence[Trial], verdicts: dict[str, Verdict]) -> int:
    reasons: dict[str, str] = tomllib.loads(SURVIVORS.read_text()).get("reasons", {})
    for kind in dict.fromkeys(trial.kind for trial in trials):
        total = [verdicts[trial.name] for trial in trials if trial.kind == kind]
        caught = sum(verdict.caught for verdict in total)
        print(f"{kind}: {caught} of {len(total)} caught, {caught / len(total):.0%}")
    for trial in trials:
        if verdicts[trial.name].caught is trial.kind.endswith("control"):
            found = verdicts[trial.name]
            reason = found.by or reasons.get(trial.name, "no reason is known")
            print(f"{found.kind}: {trial.name}\n    {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
