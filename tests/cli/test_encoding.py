"""Terminals that lack letters or say no size, and words that are no text."""

import os
import re
import subprocess
import sys

import pytest

from tests.cli.conftest import Place, Run


def start(*words: str | bytes, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "dutiful", *words],
        capture_output=True,
        env={**os.environ, **environ},
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("words", [("dead", "list"), ("--help",), ("jobs", "list", "--help")])
def test_a_terminal_that_lacks_letters(place: Place, words: tuple[str, ...]) -> None:
    said = start(*words, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert said.returncode == 0, said.stderr
    assert said.stdout


def test_an_error_that_a_terminal_lacks_letters_for(place: Place) -> None:
    said = start("jobs", "show", "größe-über-alles", PYTHONIOENCODING="ascii")
    assert said.returncode == 4
    assert rb"gr\xf6" in said.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "show", b"\xff\xfe-no-text"),
        ("jobs", "list", "--tag", b"\xff"),
        ("queues", "pause", b"mail\xff"),
        ("check", "--url", b"sqlite:///\xff.db"),
        (b"j\xffbs",),
    ],
)
def test_an_argument_that_is_no_text(place: Place, words: tuple[str | bytes, ...]) -> None:
    said = start(*words)
    assert said.returncode == 2, said.stderr
    assert b"is not text" in said.stderr
    assert b"\\udcff" in said.stderr


def test_what_a_module_prints_at_import(place: Place, run: Run) -> None:
    """A worker's module prints where its author expects; ``--json`` stays one value."""
    module = place.folder / "shop.py"
    module.write_text(module.read_text() + "\nprint('hello from the shop')\n")
    said = start("worker", "shop:app", "--burst")
    assert said.returncode == 0, said.stderr
    assert said.stdout == b"hello from the shop\n"
    quiet = start("queues", "list", "--json", "--app", "shop:app")
    assert quiet.stdout.startswith(b"[")
    assert b"hello from the shop" in quiet.stderr


@pytest.mark.parametrize("width", ["0", "", "-5", "wide", "²", "9" * 12])
def test_a_width_that_is_none_counts_as_not_set(
    place: Place, run: Run, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unset = _ageless(run("jobs", "list", "--state", "dead").out)
    assert place.ids["dead"][:18] in unset
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("LINES", width)
    assert _ageless(run("jobs", "list", "--state", "dead").out) == unset


def _ageless(text: str) -> str:
    return re.sub(r" +\d+\w ago", "", text)


def test_a_width_that_is_given_is_kept(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = run("jobs", "list").out.splitlines()
    assert max(map(len, lines)) <= 60
