"""What happens at a prompt, with a terminal of its own."""

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import Place, Run


@pytest.mark.parametrize(
    ("answer", "code", "words", "left"),
    [
        ("y\n", 0, "3 jobs purged", 0),
        ("n\n", 1, "not confirmed; nothing was changed", 3),
        ("\x03", 130, "interrupted; nothing was changed", 3),
        ("\x04", 130, "interrupted; nothing was changed", 3),
    ],
)
def test_purge_asks_on_a_terminal(
    place: Place, run: Run, answer: str, code: int, words: str, left: int
) -> None:
    said = on_terminal(["dead", "purge", "--all"], answer)
    assert "Purge 3 jobs? [y/N]:" in said[1]
    assert words in said[1]
    assert said[0] == code
    assert len(run("dead", "list", "--each", "--json").json["jobs"]) == left


def test_a_terminal_is_given_colours_and_a_bar(crowd: object, run: Run) -> None:
    code, text = on_terminal(["dead", "redrive", "--all", "--limit", "60", "--rate", "100/s"], "")
    assert code == 0
    assert "60/60" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert "60 jobs redriven" in text
    assert "\x1b[" in on_terminal(["jobs", "list", "-n", "3"], "")[1]


# The child takes the terminal as its own, so that a typed Ctrl-C becomes a signal.
CHILD = (
    "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "from dutiful.cli.main import main; main()"
)


def on_terminal(words: list[str], answer: str) -> tuple[int, str]:
    """Run a command line on a terminal, answer its prompt, and return code and screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    text, sent, deadline = "", "", time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1)[0]:
            # A signal that comes just before the child begins to read is seen at the next one.
            os.write(ours, sent.encode() if sent == "\x03" else b"")
            continue
        try:
            part = os.read(ours, 4096).decode(errors="replace")
        except OSError:  # the other end is closed
            break
        text += part
        if answer and "[y/N]" in text:
            os.write(ours, answer.encode())
            sent, answer = answer, ""
    os.close(ours)
    return process.wait(60), text
