"""A disk that fills up under work, and is emptied again."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.kills import through, told
from tests.chaos.outages import TROUBLE, recovered
from tests.chaos.processes import Processes, processes
from tests.chaos.verdict import UNEXCUSED, Verdict, judge, tries
from tests.until import wait_until

Deed = Callable[[], None]

FILE_BYTES = 384 * 1024
DISK_BYTES = 12 * 1024 * 1024


@dataclass
class Filled:
    """What came of a disk without room."""

    verdict: Verdict
    refused: int
    troubles: int
    recovered: int
    first_after: float
    repeats_after: list[int]

    def faults(self) -> dict[str, object]:
        """Return what was broken.

        No lease can be renewed on a full disk, and no end be written: what was begun by then may
        run again, nothing else.
        """
        found = self.verdict.faults()
        found.pop(UNEXCUSED, None)
        if self.repeats_after:
            found["repeated though begun when there was room"] = self.repeats_after
        return found

    def table(self) -> dict[str, str]:
        return {
            "enqueues refused meanwhile": str(self.refused),
            "workers that told of it / of its end": f"{self.troubles} / {self.recovered}",
            "lost / held": f"{len(self.verdict.lost)} / {self.verdict.held}",
            "run again, of those begun by then": str(len(self.verdict.unexcused)),
            "first start after there was room": f"{self.first_after:.2f} s",
        }


@contextmanager
def small_disk(folder: Path, size: int = DISK_BYTES) -> Iterator[Path]:
    """Mount a file system of a few megabytes; only root can."""
    if os.geteuid() != 0:
        raise PermissionError("only root can mount a file system")
    folder.mkdir()
    words = ("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    subprocess.run(words, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", str(folder)), check=True, capture_output=True)


def limit(made: Processes, size: int) -> None:
    """Let no process of the crew write beyond so many bytes of any file."""
    for member in (*made.workers, *made.producers, *made.watching):
        hard = resource.prlimit(member.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(member.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def limited(folder: Path, seconds: float) -> Filled:
    """Fill the disk for these processes alone: by the quota that the kernel keeps for each."""
    with processes(folder, "-c", "8") as made:
        return fill_up(
            made,
            seconds,
            lambda: limit(made, FILE_BYTES),
            lambda: limit(made, resource.RLIM_INFINITY),
        )


def mounted(folder: Path, seconds: float) -> Filled:
    """Fill a small file system to the last byte."""
    with (
        small_disk(folder / "disk") as disk,
        processes(folder, "-c", "8", store=disk / "jobs.db") as made,
    ):
        return fill_up(made, seconds, partial(stuff, disk / "ballast"), (disk / "ballast").unlink)


def stuff(ballast: Path) -> None:
    """Write until there is no room for a single byte."""
    with ballast.open("ab", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def fill_up(made: Processes, seconds: float, fill: Deed, clear: Deed) -> Filled:
    """Leave the store without room for some time while producers and workers go on."""
    made.produce(1, 3000, 50, 0.01, 0)
    wait_until(partial(_took, made, 20), 30, "the store has grown")
    made.start(2)
    made.ready()
    wait_until(lambda: " start " in made.ledger.read_text(), 30, "jobs run")
    made.produce(10001, 500, 50, 0.01, 0)
    fill()
    wait_until(lambda: " refused " in made.ledger.read_text(), 60, "an enqueue was refused")
    wait_until(lambda: any(TROUBLE in text for text in made.logs()), 60, "a worker told of it")
    time.sleep(seconds)
    clear()
    cleared = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    wait_until(lambda: all(one.code is not None for one in made.producers), 60, "all enqueued")
    assert {one.code for one in made.producers} == {0}
    through(made, 120)
    told(made, lambda: recovered(made.logs()), 60, "each worker uses the store again")
    lines, logs = made.lines(), [*made.logs()]
    starts = [line.at for line in lines if line.what == "start" and line.at > cleared]
    verdict, runs = judge(made, failing=True), tries(lines)
    return Filled(
        verdict,
        sum(line.what == "refused" for line in lines),
        sum(TROUBLE in text for text in logs),
        sum("can be used again" in text for text in logs),
        (min(starts) - cleared) / 1e6 if starts else 0.0,
        [order for order in verdict.unexcused if runs[order][0].start > cleared],
    )


def _took(made: Processes, batches: int) -> bool:
    return sum(line.what == "took" for line in made.lines()) >= batches
