"""Runs tests against a changed copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Verdict = Literal["caught", "caught: it hung", "survived"]

_OPTIONS = ("-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-header", "--tb=no")


class Copy:
    """A copy of the sources that tests import instead of the repository's."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Copy the sources into a folder."""
        self._root = root
        self._folder = folder
        shutil.copytree(root / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))

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

    def judge(self, tests: Sequence[str], seconds: float) -> Verdict:
        """Run tests; whatever fails or hangs has caught the change."""
        wanted = self._folder / "wanted"
        wanted.write_text("\n".join(tests))
        environ = {
            **os.environ,
            "PYTHONPATH": str(self._folder / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *_OPTIONS, f"@{wanted}"],
            cwd=self._root,
            env=environ,
            stdout=(self._folder / "output").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return "caught: it hung"
        finally:
            _end(process)
        return "survived" if code == 0 else "caught"

    @property
    def output(self) -> str:
        """What the last run printed."""
        return (self._folder / "output").read_text(errors="replace")


@contextmanager
def copies(root: Path, count: int) -> Generator[list[Copy]]:
    """Make some copies, and remove them at the end."""
    with tempfile.TemporaryDirectory(prefix="dutiful-mutation-") as folder:
        yield [Copy(root, Path(folder) / str(number)) for number in range(count)]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what a test may have left behind, too."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()
