"""Events are plain values that can be told apart and written down."""

from typing import get_args

import msgspec
import pytest

from dutiful.core import event, schedule_event, worker_event
from dutiful.core.event import Claimed, Event, JobsRescued, ignore

KINDS = get_args(Event)


def test_every_event_class_is_in_the_union() -> None:
    defined = {
        kind
        for module in (event, schedule_event, worker_event)
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
    }
    assert defined == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_frozen_tagged_and_explained(kind: type[msgspec.Struct]) -> None:
    config = kind.__struct_config__
    assert config.frozen
    assert config.tag == kind.__name__
    assert (kind.__doc__ or "").endswith(".")


def test_an_event_written_as_json_can_be_read_back() -> None:
    raw = msgspec.json.encode(Claimed("w1", 3))
    assert msgspec.json.decode(raw, type=Claimed | JobsRescued) == Claimed("w1", 3)


def test_an_event_may_be_ignored() -> None:
    ignore(Claimed("w1", 1))
