"""One process of a host speaks about a store; a file that cannot be trusted is not used."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dutiful.worker import outage_file
from dutiful.worker.outage_file import OutageFile

URL = "postgresql://db/shop"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(outage_file, "_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_one_speaks_and_the_next_reads_what_it_said(folder: Path) -> None:
    first, second = OutageFile(URL), OutageFile(URL)
    assert first.take() == b""
    assert second.take() is None
    first.keep(b"a long text")
    first.keep(b"said")
    first.release()
    assert second.take() == b"said"
    [file] = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    second.release()


def test_another_store_has_another_file(folder: Path) -> None:
    first, second = OutageFile(URL), OutageFile("postgresql://db/other")
    assert (first.take(), second.take()) == (b"", b"")
    first.release()
    second.release()


def test_what_was_said_long_ago_does_not_count(folder: Path) -> None:
    first = OutageFile(URL)
    first.take()
    first.keep(b"said")
    first.release()
    [file] = folder.iterdir()
    before = time.time() - 3600
    os.utime(file, (before, before))
    assert first.take() == b""
    first.release()


def test_a_link_is_not_followed(folder: Path) -> None:
    other = OutageFile(URL)
    other.take()
    other.release()
    [file] = folder.iterdir()
    target = folder / "secret"
    target.write_bytes(b"theirs")
    file.unlink()
    file.symlink_to(target)
    assert other.take() == b""
    other.keep(b"said")
    assert target.read_bytes() == b"theirs"
    other.release()


def test_without_a_file_every_process_speaks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage_file, "_FOLDERS", ("/nonexistent",))
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    first, second = OutageFile(URL), OutageFile(URL)
    assert (first.take(), second.take()) == (b"", b"")
    first.keep(b"said")
    first.release()
