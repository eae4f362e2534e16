"""Other users of the host, who may or may not write to the database."""

import asyncio
import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import new

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="peer: only root can become another user")
OWNER, MEMBER, STRANGER, GROUP = 60_001, 60_002, 60_003, 60_010

Tell = Callable[[object], None]


class Neighbour:
    """A forked process of another user; it ends when it has done its work, or is ended."""

    def __init__(
        self, uid: int, work: Callable[[Tell], object], *, group: int = 0, umask: int = 0o022
    ) -> None:
        """Start the work, which tells lines."""
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork
            self._pid = os.fork()
        if self._pid == 0:
            try:
                signal.alarm(45)  # nobody waits for it longer
                os.setgroups([group] if group else [])
                os.setgid(uid)
                os.setuid(uid)
                os.umask(umask)
                work(lambda what: os.write(writing, f"{what}\n".encode()) and None)
            except BaseException as error:  # noqa: BLE001 - the parent has to see it
                os.write(writing, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(0)
        os.close(writing)
        self._lines = os.fdopen(reading)

    def heard(self) -> str:
        """Return the next line."""
        return self._lines.readline().strip()

    def end(self) -> str:
        """Kill it."""
        os.kill(self._pid, signal.SIGKILL)
        return self.ended()

    def ended(self) -> str:
        """Wait for its end, and return what is left to hear."""
        with self._lines:
            rest = self._lines.read()
        os.waitpid(self._pid, 0)
        return rest


def made(path: Path, count: int = 1) -> None:
    """Enqueue and check as who we are."""
    engine = SqliteEngine(path)
    for _ in range(count):
        engine.sync_producer.enqueue_sync([new()])
    asyncio.run(engine.check())
    asyncio.run(engine.close())


@pytest.fixture
def square() -> Generator[Path]:
    """A folder where everybody may make files, as /tmp."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # All modules are loaded first: another user may not be allowed to read them.
        (folder / "warm").mkdir()
        made(folder / "warm" / "jobs.db")
        folder.chmod(0o1777)
        yield folder
