"""Fuzzes for ``SECONDS`` (600) with fresh seeds; ``SEED`` replays one.

``ENGINE`` chooses among ``sqlite`` and ``postgres``, whose rows are spoilt, and ``bodies``, which
runs hostile tasks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from dutiful.servers.postgres import LocalServer, local_server
from tests.fuzz import bodies_exits, bodies_run
from tests.fuzz.store_seed import one_round

BODIES = 12
ENDS = 6
"""One round of bodies in so many has a body that ends its process."""


def one(engine: str, number: int, folder: str, server: LocalServer) -> None:
    """Play one round; an error of it tells what was found."""
    match engine:
        case "bodies" if number % ENDS == 0:
            asyncio.run(bodies_exits.play(number))
        case "bodies":
            asyncio.run(bodies_run.play(number, BODIES))
        case "sqlite":
            one_round(f"sqlite:///{folder}/{uuid4().hex[:12]}.db", number)
        case _:
            one_round(server.url(schema=f"jobs_{uuid4().hex[:12]}"), number)


def main() -> int:
    """Play rounds until the time is over; return whether some failed."""
    logging.getLogger("dutiful").propagate = False
    logging.getLogger("dutiful").addHandler(logging.NullHandler())
    end = time.monotonic() + float(os.environ.get("SECONDS") or 600)
    chosen, seed = os.environ.get("ENGINE"), os.environ.get("SEED")
    engines = [chosen] if chosen else ["sqlite", "postgres", "bodies"]
    failed = rounds = 0
    with tempfile.TemporaryDirectory() as folder, local_server(Path(folder)) as server:
        while time.monotonic() < end:
            number = int(seed) if seed else random.SystemRandom().getrandbits(32)
            for engine in engines:
                rounds += 1
                try:
                    one(engine, number, folder, server)
                except Exception as error:  # noqa: BLE001 - the other rounds go on
                    failed += 1
                    sys.stderr.write(f"ENGINE={engine} SEED={number}: {error!s:.20000}\n")
            if seed:
                break
    sys.stdout.write(f"{rounds} rounds, {failed} failed\n")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
