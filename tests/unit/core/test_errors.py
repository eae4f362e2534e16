"""The tree of errors is the one that is drawn, and each error says what to do."""

import inspect
import re

import pytest

from dutiful.core import errors
from dutiful.core.errors import (
    DuplicateJob,
    DutifulError,
    JobFailed,
    JobNotFound,
    ResultTimeout,
    Unsupported,
)

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]


def drawn() -> dict[str, str | None]:
    """Read each class's parent off the picture in the module's docstring."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in inspect.cleandoc(errors.__doc__ or "").splitlines():
        match = re.match(r"((?:[ │├└─]{4})*)([A-Z]\w+)(?:  |$| )", line[4:])
        if line.startswith("    ") and match:
            depth = len(match[1]) // 4
            parents[match[2]] = path[depth - 1] if depth else None
            path = [*path[:depth], match[2]]
    return parents


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    names = {kind.__name__ for kind in CLASSES}
    actual = {
        kind.__name__: kind.__bases__[0].__name__ if kind.__bases__[0].__name__ in names else None
        for kind in CLASSES
    }
    assert drawn() == actual


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_the_one_root_and_explains_itself(kind: type[Exception]) -> None:
    assert issubclass(kind, DutifulError)
    assert (kind.__doc__ or "").endswith(".")


def test_unsupported_says_who_cannot_do_what() -> None:
    error = Unsupported("sqs", "cancel jobs", "let it run")
    assert (error.engine, error.capability) == ("sqs", "cancel jobs")
    assert str(error) == "the sqs engine cannot cancel jobs; let it run"
    assert str(Unsupported("sqs", "cancel jobs")) == "the sqs engine cannot cancel jobs"


def test_a_missing_job_is_named() -> None:
    assert JobNotFound("j1").job_id == "j1"
    assert "no job j1" in str(JobNotFound("j1"))


def test_a_duplicate_names_key_and_holder() -> None:
    error = DuplicateJob("order:42", "j1")
    assert (error.key, error.existing) == ("order:42", "j1")
    assert "j1" in str(error)
    assert "'order:42'" in str(error)


def test_a_failed_job_says_how_it_ended() -> None:
    error = JobFailed("j1", "dead", "discarded", "no use")
    assert (error.job_id, error.state, error.reason) == ("j1", "dead", "discarded")
    assert str(error) == "job j1 is dead (discarded): no use"
    assert str(JobFailed("j1", "dead", "expired")) == "job j1 is dead (expired)"


def test_waiting_too_long_is_a_timeout_to_the_language_too() -> None:
    assert issubclass(ResultTimeout, TimeoutError)
