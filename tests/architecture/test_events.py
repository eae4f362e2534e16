"""Every event has a line in the log, or stands in the list of those that have none."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import pytest

from dutiful.core import event as e
from dutiful.core.job import Job, NewJob, stamp
from dutiful.observe.event_text import worded

WITHOUT_A_LINE: Mapping[type[Any], str] = {
    e.Enqueued: "there are as many as jobs",
    e.Claimed: "there are as many as jobs",
    e.Settled: "observe/log.py writes a line for each failed, slow or debugged attempt itself",
}
KINDS: tuple[type[Any], ...] = typing.get_args(e.Event)


def example(kind: type[Any]) -> Any:
    """Make an event with some value in each field, by the field's type."""
    return kind(**{name: _value(hint) for name, hint in typing.get_type_hints(kind).items()})


def _value(hint: Any) -> Any:
    options = typing.get_args(hint) if typing.get_origin(hint) is not dict else ()
    if type(None) in options:
        return None
    known = {str: "x", int: 1, float: 1.0, bool: False}
    if hint in known:
        return known[hint]
    if hint is Job:
        return stamp(NewJob(id="x", task="t", args=b"{}"), 0)
    if typing.get_origin(hint) is typing.Literal:
        return options[0]
    return {} if typing.get_origin(hint) in (dict, Mapping) else ()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_has_a_line_or_a_reason_to_have_none(kind: type[Any]) -> None:
    line = worded(example(kind))
    if kind in WITHOUT_A_LINE:
        assert line is None, f"take {kind.__name__} out of the list"
    else:
        assert line is not None, f"observe/event_text.py has no words for {kind.__name__}"
        _, text, args = line
        assert text % args if args else text


def test_every_class_of_the_event_modules_is_an_event() -> None:
    from dutiful.core import alert_event, run_event, schedule_event, worker_event

    modules = (e, alert_event, run_event, schedule_event, worker_event)
    tagged = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and found.__module__.endswith("event")
        and getattr(getattr(found, "__struct_config__", None), "tag", None) is not None
    }
    assert tagged <= set(KINDS), "add them to the union Event"
