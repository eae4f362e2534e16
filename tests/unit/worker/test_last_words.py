"""What a child says before its end decides what its exit code means."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from dutiful.worker.last_words import Ending, LastWords, LastWordsReader
from dutiful.worker.serve import EXIT_BROKEN, EXIT_RECYCLE, EXIT_REFUSED, EXIT_STOPPED


@pytest.fixture
def listener() -> Iterator[LastWordsReader]:
    opened = LastWordsReader()
    yield opened
    opened.close()
    with suppress(OSError):
        opened.started()


def stopped(words: LastWords) -> None:
    words.serves()
    words.ends(EXIT_STOPPED)


def full(words: LastWords) -> None:
    words.serves()
    words.serves()
    words.ends(EXIT_RECYCLE)


def refused(words: LastWords) -> None:
    words.ends(EXIT_REFUSED)


def serving(words: LastWords) -> None:
    words.serves()


def silent(words: LastWords) -> None: ...


@pytest.mark.parametrize(
    ("says", "code", "ending"),
    [
        (stopped, EXIT_STOPPED, Ending(EXIT_STOPPED, served=True)),
        (full, EXIT_RECYCLE, Ending(EXIT_RECYCLE, served=True)),
        (refused, EXIT_REFUSED, Ending(EXIT_REFUSED)),
        (silent, -signal.SIGTERM, Ending(-signal.SIGTERM)),
        (stopped, -signal.SIGTERM, Ending(-signal.SIGTERM, served=True)),
        (serving, -signal.SIGTERM, Ending(-signal.SIGTERM, served=True, meant=False)),
        (serving, EXIT_REFUSED, Ending(EXIT_REFUSED, served=True, meant=False)),
        (serving, EXIT_STOPPED, Ending(EXIT_STOPPED, served=True, meant=False)),
        (stopped, EXIT_REFUSED, Ending(EXIT_REFUSED, served=True, meant=False)),
        (silent, EXIT_REFUSED, Ending(EXIT_REFUSED, meant=False)),
        (silent, EXIT_BROKEN, Ending(EXIT_BROKEN, meant=False)),
    ],
)
def test_only_a_code_that_was_said_before_is_meant(
    listener: LastWordsReader, says: Callable[[LastWords], None], code: int, ending: Ending
) -> None:
    says(LastWords(listener.write))
    assert listener.ending(code) == ending


def test_words_that_come_too_late_go_to_no_other_file(listener: LastWordsReader) -> None:
    words = LastWords(listener.write)
    read, write = os.pipe()
    os.dup2(write, listener.write)  # a task has closed it, and opened a file that got its number
    os.close(write)
    words.ends(0)
    os.set_blocking(read, False)
    with pytest.raises(BlockingIOError):
        os.read(read, 1)
    os.close(read)


def test_no_process_that_a_task_starts_has_the_pipe(listener: LastWordsReader) -> None:
    os.set_inheritable(listener.write, True)
    LastWords(listener.write)
    assert not os.get_inheritable(listener.write)
    if (pid := os.fork()) == 0:
        try:
            os.fstat(listener.write)
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_without_a_supervisor_nobody_is_told() -> None:
    words = LastWords()
    words.serves()
    assert words.ends(EXIT_RECYCLE) == EXIT_RECYCLE
