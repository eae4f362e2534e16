"""Fuzzes for ``SECONDS`` (600) with fresh seeds; ``ENGINE`` and ``SEED`` choose one."""

from __future__ import annotations

import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from dutiful.cli.demo.postgres import local_server
from tests.fuzz.store_seed import one_round


def main() -> int:
    """Play rounds until the time is over; return the number of those that failed."""
    logging.getLogger("dutiful").propagate = False
    end = time.monotonic() + float(os.environ.get("SECONDS") or 600)
    engines = [os.environ["ENGINE"]] if os.environ.get("ENGINE") else ["sqlite", "postgres"]
    chosen = os.environ.get("SEED")
    failed = rounds = 0
    with tempfile.TemporaryDirectory() as folder, local_server(Path(folder)) as server:
        while time.monotonic() < end:
            number = int(chosen) if chosen else random.SystemRandom().getrandbits(32)
            for engine in engines:
                url = server.url(schema=f"jobs_{uuid4().hex[:12]}")
                if engine == "sqlite":
                    url = f"sqlite:///{folder}/{uuid4().hex[:12]}.db"
                rounds += 1
                try:
                    one_round(url, number)
                except Exception as error:  # noqa: BLE001 - the other rounds go on
                    failed += 1
                    sys.stderr.write(f"ENGINE={engine} SEED={number}: {error!r:.2000}\n")
            if chosen:
                break
    sys.stdout.write(f"{rounds} rounds, {failed} failed\n")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
