"""Values of the wrong type get a BadOption before any I/O, and code of the user's own is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NoReturn

import pytest

from dutiful import App, Backfill, BadOption, Interval
from tests.manage.conftest import shop

HOURLY = Interval.every("1h")
ANY: Any = Backfill
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def app() -> Iterator[App]:
    made = shop("memory://")
    made.cron("0 9 * * *", name="daily")(made.tasks["never"])
    yield made
    made.portal.close()


class Rude(str):
    """Text whose own code fails."""

    __slots__ = ()

    def upper(self) -> NoReturn:
        raise LookupError("no upper")

    def __eq__(self, other: object) -> NoReturn:
        raise LookupError("no equality")

    __hash__ = str.__hash__


class Vague(tzinfo):
    """A zone whose own code fails."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        raise LookupError("no offset")


class Odd:
    def __getattr__(self, name: str) -> NoReturn:
        raise LookupError(name)

    def __eq__(self, other: object) -> NoReturn:
        raise LookupError("no equality")

    __hash__ = object.__hash__


def no_task() -> None: ...


no_task.__qualname__ = "a\ud800b"

Call = Callable[[Any], Any]
CALLS: dict[str, tuple[Call, str]] = {
    "replace": (
        lambda app: app.schedules.create(app.tasks["never"], HOURLY, replace="false"),
        "replace='false'; give True or False",
    ),
    "forgotten": (
        lambda _: ANY.between(START, END, forgotten="no"),
        "forgotten='no'; give True or False",
    ),
    "with_errors": (
        lambda app: app.jobs.list(with_errors="no"),
        "with_errors='no'; give True or False",
    ),
    "with_errors of dead": (
        lambda app: app.dead.list(with_errors=0),
        "with_errors=0; give True or False",
    ),
    "code": (
        lambda app: app.schedules.check(code="no"),
        "code='no'; give True or False",
    ),
    "swapped": (lambda _: Backfill.between(END, START), "give the earlier time first"),
    "adopt a number": (lambda app: app.schedules.adopt(5), "schedule name 5 must be text"),
    "adopt a list": (lambda app: app.schedules.adopt(["daily"]), r"\['daily'\] must be text"),
    "adopt a half": (lambda app: app.schedules.adopt("a\ud800"), "half of a character"),
    "no task": (lambda app: app.schedules.create(Odd(), None), "is not a task"),
    "no name": (lambda app: app.schedules.create(no_task, HOURLY), r"a\\ud800b is not a task"),
    "no rule": (lambda app: app.schedules.create(app.tasks["never"], Odd()), "is not a rule"),
    "overlap": (
        lambda app: app.schedules.create(app.tasks["never"], HOURLY, overlap=Odd()),
        "overlap=.*choose one of allow",
    ),
    "changes": (
        lambda app: app.dead.redrive(
            all=True, changes={"order": datetime(2026, 1, 1, tzinfo=Vague())}
        ),
        "the new value of order is not plain data: LookupError: no offset",
    ),
    "a state": (lambda app: app.jobs.list(state=Rude("stopped")), "state 'stopped'; choose"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_value_is_refused(app: App, name: str) -> None:
    call, said = CALLS[name]
    with pytest.raises(BadOption, match=said) as caught:
        call(app)
    str(caught.value).encode()
    assert app.schedules.list().items == ()


def test_text_of_a_subclass_is_taken_as_the_text_it_is(app: App) -> None:
    queued: Any = Rude("queued")
    assert app.jobs.list(state=queued).items == ()
    rude: Any = Rude("skip")
    assert app.schedules.create(app.tasks["never"], HOURLY, overlap=rude).overlap == "skip"


def test_a_backfill_of_one_instant_is_a_time_range() -> None:
    assert Backfill.between(START, START).end == Backfill.between(START, END).start
