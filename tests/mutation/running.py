"""Runs tests against a changed copy of the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from dutiful.servers.postgres import LocalServer, local_server
from tests.servers.postgres import make_template

_OPTIONS = ("-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
_SHORT = ("--no-header", "--tb=line")
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there
_NO_TESTS = 5
"""What pytest returns when the options leave no test of a file."""


class Round(NamedTuple):
    """Tests that are run together, and how many seconds they may take."""

    tests: Sequence[str]
    seconds: float


class Verdict(NamedTuple):
    """What became of one change."""

    kind: Literal["caught", "caught: it hung", "survived"]
    by: str = ""
    """The test that failed, and how; or, where it hung, the last that the run printed."""
    took: float = 0.0

    @property
    def caught(self) -> bool:
        """Whether a test noticed."""
        return self.kind != "survived"


class Copy:
    """A copy of the sources that tests import instead of the repository's."""

    def __init__(self, root: Path, folder: Path, stack: ExitStack) -> None:
        """Copy the sources into a folder."""
        self._root = root
        self._folder = folder
        self._stack = stack
        self._files = folder / "t"
        shutil.copytree(root / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
        folder.chmod(0o755)  # the server of the tests runs as somebody else
        self._files.mkdir(mode=0o755)

    @contextmanager
    def changed(self, path: str, text: str) -> Generator[None]:
        """Put a changed file in place for the length of a block."""
        file = self._folder / path
        before = file.read_text(encoding="utf-8")
        file.write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")

    def judge(self, rounds: Sequence[Round], *, server: bool) -> Verdict:
        """Run tests, round by round; whatever fails has caught the change.

        So has what hangs, if it hangs again where it has twice the time.
        """
        for each in rounds:
            code = self._run(each.tests, each.seconds, server=server)
            if code is None:
                code = self._run(each.tests, 2 * each.seconds, server=server)
            if code is None:
                return Verdict("caught: it hung", self.output[-200:])
            if code not in (0, _NO_TESTS):
                return Verdict("caught", self._failure)
        return Verdict("survived")

    @cached_property
    def _server(self) -> LocalServer:
        """A server for all runs on this copy, as starting one takes longer than many a run."""
        server = self._stack.enter_context(local_server(self._folder))
        make_template(server)
        return server

    def _run(self, tests: Sequence[str], seconds: float, *, server: bool) -> int | None:
        wanted = self._folder / "wanted"
        wanted.write_text("\n".join(tests))
        environ = {
            **os.environ,
            "PYTHONPATH": str(self._folder / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
            "TMPDIR": str(self._files),
        }
        if server:
            environ["POSTGRES_RUNS"] = f"{self._server.folder}:{self._server.port}"
        with (self._folder / "output").open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *_OPTIONS, *_SHORT, f"@{wanted}"],
                cwd=self._root,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)
            for left in self._files.iterdir():
                shutil.rmtree(left, ignore_errors=True)

    @property
    def output(self) -> str:
        """What the last run printed."""
        return (self._folder / "output").read_text(errors="replace")

    @property
    def _failure(self) -> str:
        found = re.search(r"^(?:FAILED|ERROR) (tests/.*)$", self.output, re.MULTILINE)
        return found[1][:300] if found else self.output[-300:]


@contextmanager
def copies(root: Path, count: int) -> Generator[list[Copy]]:
    """Make some copies, in memory where there is a folder for it; remove them at the end."""
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="mutants-", dir=where, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        folder.chmod(0o755)
        yield [Copy(root, folder / str(number), stack) for number in range(count)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what a test may have left behind, too."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()
