"""Root runs a local server in a folder of another user, who may have put anything there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dutiful.servers.failure import ServerFailed
from dutiful.servers.postgres import LocalServer


def link(entry: Path, victim: Path) -> None:
    entry.symlink_to(victim)


def hard_link(entry: Path, victim: Path) -> None:
    os.link(victim, entry)


def pipe(entry: Path, victim: Path) -> None:
    os.mkfifo(entry)


@pytest.mark.parametrize("thing", [link, hard_link, pipe])
def test_its_log_is_a_file_of_its_own(tmp_path: Path, thing: Callable[[Path, Path], None]) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    thing(folder / "server.log", victim)
    with pytest.raises(ServerFailed, match=r"server\.log"):
        LocalServer(folder).start()
    assert victim.read_text() == "precious"


def test_a_link_in_its_place_is_not_given_away(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    before = victim.stat()
    folder = tmp_path / "server"
    folder.symlink_to(victim)
    if os.geteuid() == 0:
        with pytest.raises(OSError, match="server"):
            LocalServer(folder).own()
    assert victim.stat().st_uid == before.st_uid
