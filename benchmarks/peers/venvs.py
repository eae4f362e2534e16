"""One virtual environment for each rival, from its hashed requirements; made once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from roster import ROSTER, Entry

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements"
VENVS = HERE / ".venv"
UV = Path(sys.executable).parent / "uv"
_PROBE = "import sys; print('%d.%d' % sys.version_info[:2])"


class Unavailable(Exception):
    """This system cannot run on this machine, for the reason given."""


def python_of(entry: Entry, given: str | None = None) -> Path:
    """Return the interpreter of a system's environment, made now if need be; Unavailable if not."""
    if entry.ours:
        return Path(sys.executable)
    wanted = REQUIREMENTS / f"{entry.module}.txt"
    VENVS.mkdir(exist_ok=True)
    folder = VENVS / entry.module
    interpreter, stamp = folder / "bin" / "python", folder / "made-from"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    with (VENVS / f"{entry.module}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == digest and interpreter.exists():
            return interpreter
        source = _interpreter(entry.python, given)
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--quiet", "--no-python-downloads", "--python", source, str(folder))
        _uv("pip", "sync", "--quiet", "--require-hashes", "--python", interpreter, str(wanted))
        stamp.write_text(digest)
    return interpreter


def version_of(entry: Entry) -> str:
    """Return the version that its requirements pin."""
    if entry.ours:
        return version(entry.package)
    for line in (REQUIREMENTS / f"{entry.module}.txt").read_text().splitlines():
        name, _, rest = line.partition("==")
        if name == entry.package:
            return rest.split()[0]
    raise ValueError(f"requirements/{entry.module}.txt does not pin {entry.package}")


def lock() -> None:
    """Write the hashed requirements again from the ``.in`` files."""
    options = ("--quiet", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header")
    for entry in {entry.module: entry for entry in ROSTER if not entry.ours}.values():
        python = "{}.{}".format(*entry.python)
        names = (f"{entry.module}.in", "--output-file", f"{entry.module}.txt")
        _uv("pip", "compile", *options, "--upgrade", "--python-version", python, *names)


def _interpreter(least: tuple[int, int], given: str | None) -> str:
    """Return a Python of at least this version that is on this machine."""
    if sys.version_info[:2] >= least:
        return sys.executable
    names = [given] if given else [f"python3.{minor}" for minor in (14, 13, 12)]
    paths = [found for name in names if (found := shutil.which(name))]
    if not given:
        root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
        paths += [str(path) for path in sorted(root.glob("versions/3.*/bin/python"))]
    for path in paths:
        told = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
        parts = told.stdout.strip().split(".")
        if told.returncode == 0 and (int(parts[0]), int(parts[1])) >= least:
            return path
    wanted = "{}.{}".format(*least)
    raise Unavailable(f"needs Python {wanted} or newer, none is here; name one with --python PATH")


def _uv(*words: object) -> None:
    command = [str(UV), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REQUIREMENTS, check=False)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise Unavailable("cannot be installed: " + " ".join(lines)[:300])
