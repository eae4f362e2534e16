"""``python -m tests.years``: YEARS=10 SCHEDULES=1000 SEED=1, and what came of it.

SIGTERM ends a run early, with what came of it until then.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from .judge import Fault
from .world import World


def main() -> int:
    """Live the years that the environment asks for."""
    years, count = float(os.environ.get("YEARS") or 10), int(os.environ.get("SCHEDULES") or 1000)
    seed = int(os.environ.get("SEED") or 1)
    world, began = World(seed, years, count), time.process_time()
    fault: BaseException | None = None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        world.run()
    except (Fault, KeyboardInterrupt) as error:
        fault = error
    took = time.process_time() - began
    lived = world.clock.ticks() / world.end * years
    print(f"seed {seed}: {lived:.2f} years of {count} schedules in {took:.0f} s of one core")
    for what, number in sorted(world.counts.items()):
        print(f"  {what:10} {number:>10,}")
    print(f"ended by {fault!r}" if fault else "each occurrence once, and none unaccounted for")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
