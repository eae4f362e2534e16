"""``python -m tests.simulation``: replay one seed, run fresh ones for a while, or find mutants.

SEED=n replays a seed and prints its trace; SECONDS=n runs fresh seeds for so long; LONG=1 makes
each world ten times as large; ENGINE=sqlite or postgresql runs them on a real store, which it
starts itself; MUTANTS=1 finds for each mutation the first seed that catches it.
"""

from __future__ import annotations

import os
import sys

from .planted import MUTATIONS, first_seed
from .seeds import Run, seeds_file
from .store import SimStore, opened
from .world import live

SEARCH = (60, 400)
"""How many seeds are tried for a bug on a real store, and in memory."""


def main() -> int:
    """Do what the environment asks for."""
    with opened(os.environ.get("ENGINE") or "memory") as store:
        return _run(store)


def _run(store: SimStore) -> int:
    long = os.environ.get("LONG", "") not in ("", "0")
    if seed := os.environ.get("SEED"):
        story = live(int(seed), store, long=long)
        print("\n".join(story.lines()))
        print(f"seed {seed}: {story.steps} steps, {story.seconds:.1f} virtual seconds")
        print(story.failure or "every invariant holds")
        return 1 if story.failure else 0
    if os.environ.get("MUTANTS"):
        return _mutants(store)
    run = Run(float(os.environ.get("SECONDS") or 60), store, long=long)
    run.fresh()
    print(run.report())
    return 1 if run.failed else 0


def _mutants(store: SimStore) -> int:
    lines: list[str] = []
    for mutation in MUTATIONS:
        if store.name != "memory" and not mutation.everywhere:
            continue
        seed, failure = first_seed(mutation, range(SEARCH[store.name == "memory"]), store)
        print(f"{mutation.name:32} seed {seed}: {failure.splitlines()[0][:90]}", flush=True)
        if seed is not None:
            lines.append(f"{mutation.name} {seed}\n")
    seeds_file(store.name).write_text("".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
