"""Every error and signal survives pickle and copy, as pools of processes need it."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from typing import Any, cast

import pytest

import dutiful
from dutiful import Cancel, ClaimLost, Discard, DuplicateJob, DutifulError, JobFailed, Retry, Snooze
from dutiful.bench.run import StoreInUse
from dutiful.cli.failure import Code, CommandFailed, Interrupted, Wrong
from dutiful.core import errors
from dutiful.core.outcome import Cancelled, Discarded, Failed, Signal, Snoozed
from dutiful.core.rebuilding import Rebuilt
from dutiful.demo.processes import ChildFailed
from dutiful.worker.hook_results import ChildEnded, child_ended


class Silent:
    """A process that has said nothing."""

    def last_lines(self) -> str:
        return ""


SAMPLES: dict[type[Rebuilt], list[Callable[[], Rebuilt]]] = {
    errors.UnknownSchedule: [lambda: errors.UnknownSchedule("nightly", "nightly-2")],
    errors.UnknownWorker: [
        lambda: errors.UnknownWorker("w", ["w1", "w2"], several=True),
        lambda: errors.UnknownWorker("w", ["v"]),
    ],
    errors.ScheduleTaken: [
        lambda: errors.ScheduleTaken("shop", {None: ["a"], "other": ["b", "c"]})
    ],
    errors.Unsupported: [lambda: errors.Unsupported("sqs", "cancel jobs", "let it run")],
    errors.JobLocked: [lambda: errors.JobLocked("locked", "session 7")],
    errors.PartlyEnqueued: [
        lambda: errors.PartlyEnqueued(["j1"], dict.fromkeys(("j2", "j3", "j4", "j5"), "no room"))
    ],
    errors.NotSent: [lambda: errors.NotSent("answered 503", after=7)],
    errors.JobNotFound: [lambda: errors.JobNotFound("j1")],
    DuplicateJob: [lambda: DuplicateJob("order:42", "j1")],
    JobFailed: [lambda: JobFailed("j1", "dead", "discarded", "no use")],
    Snooze: [lambda: Snooze("10m"), lambda: Snooze(until=datetime(2030, 1, 1, tzinfo=UTC))],
    Discard: [lambda: Discard("no use")],
    Cancel: [lambda: Cancel("not wanted")],
    Retry: [
        lambda: Retry(after="5m"),
        lambda: Retry(max_attempts=3, on=[LookupError], never=ValueError),
    ],
    ChildEnded: [lambda: child_ended(Failed("ValueError", "no", after=5))],
    type(child_ended(Snoozed(5))): [lambda: child_ended(Snoozed(5))],
    type(child_ended(Discarded("why"))): [lambda: child_ended(Discarded("why"))],
    type(child_ended(Cancelled("why"))): [lambda: child_ended(Cancelled("why"))],
    CommandFailed: [lambda: CommandFailed("lost", Code.STORE, "look again")],
    Interrupted: [lambda: Interrupted("half of it", "go on")],
    StoreInUse: [lambda: StoreInUse(2, 1)],
    ChildFailed: [lambda: ChildFailed("it ended", cast(Any, Silent()))],
    Wrong: [lambda: Wrong("no such option", "try --help")],
}
"""How to make one of each class that has an ``__init__`` of its own."""


def classes(root: type[Rebuilt] = Rebuilt) -> Iterator[type[Rebuilt]]:
    for kind in root.__subclasses__():
        if kind.__module__.startswith("dutiful."):
            yield kind
            yield from classes(kind)


def made(kind: type[Rebuilt]) -> list[Rebuilt]:
    if "__init__" in vars(kind):
        assert kind in SAMPLES, f"say in SAMPLES how to make a {kind.__name__}"
        return [make() for make in SAMPLES[kind]]
    own = next((base for base in kind.__mro__ if "__init__" in vars(base)), kind)
    return [make() for make in SAMPLES[own]] if own in SAMPLES else [kind("a text")]


def equal(one: BaseException, other: BaseException) -> bool:
    same = (type(one), one.args, str(one)) == (type(other), other.args, str(other))
    return same and vars(one) == vars(other)


def pickled(protocol: int, error: Any) -> Any:
    return pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own


COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy]
COPIES += [partial(pickled, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]


def test_every_class_of_the_tree_survives() -> None:
    for module in pkgutil.walk_packages(dutiful.__path__, "dutiful."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = set(classes())
    assert {DutifulError, Signal, errors.ResultTimeout, ClaimLost, Snooze, Wrong} <= kinds
    for kind in kinds:
        for error in made(kind):
            error.add_note("a note")
            assert all(equal(copied(error), error) for copied in COPIES), kind


class Of(JobFailed):
    """A class of the program's own, with another signature."""

    def __init__(self, order: int) -> None:
        self.order = order
        super().__init__(f"order-{order}", "dead", "discarded")


class Late(errors.ResultTimeout):
    def __init__(self, order: int) -> None:
        self.order = order
        super().__init__(f"order {order} takes long")


@pytest.mark.parametrize("error", [Of(5), Late(5)], ids=lambda error: type(error).__name__)
def test_classes_of_a_program_survive_too(error: Rebuilt) -> None:
    for copied in COPIES:
        assert equal(copied(error), error)


def snooze() -> None:
    raise Snooze("10m")


@pytest.mark.slow
def test_a_signal_comes_out_of_a_pool_of_processes() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        error = pool.submit(snooze).exception()
    assert isinstance(error, Snooze)
    assert error.outcome == Snooze("10m").outcome
