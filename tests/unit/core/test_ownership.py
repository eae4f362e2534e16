"""Whose a schedule is, where the row itself does not say."""

import pytest
from msgspec.structs import replace

from dutiful.core.advance import begin
from dutiful.core.errors import ScheduleTaken
from dutiful.core.ownership import owner_unclear, refuse_taken
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule

MINE = Schedule(name="tick", task="note", rule=Interval.every("1h"), app="mine")
THEIRS = begin(replace(MINE, app="theirs"), 0)


def test_a_row_of_another_owner_is_refused() -> None:
    with pytest.raises(ScheduleTaken):
        refuse_taken({"tick": replace(THEIRS, unreadable="since")}, [MINE])


def test_a_row_that_does_not_say_whose_it_is_stands_in_nobodys_way() -> None:
    refuse_taken({"tick": replace(THEIRS, unreadable="version, app")}, [MINE])


@pytest.mark.parametrize("foreign", ["another", "", None])
def test_a_row_whose_owners_differ_stands_in_nobodys_way(foreign: str | None) -> None:
    refuse_taken({"tick": replace(THEIRS, app=foreign)}, [MINE])
    assert "app 'theirs'" in owner_unclear(replace(THEIRS, app=foreign))


@pytest.mark.parametrize("spec", [b"{", b"[1]", b"{}", b'{"name":"other","app":"theirs"}'])
def test_a_row_whose_spec_was_overwritten_stands_in_nobodys_way(spec: bytes) -> None:
    refuse_taken({"tick": replace(THEIRS, spec=spec)}, [MINE])


def test_a_spec_of_a_newer_version_says_whose_it_is() -> None:
    with pytest.raises(ScheduleTaken):
        refuse_taken(
            {"tick": replace(THEIRS, spec=b'{"name":"tick","app":"theirs","rule":{"moon":1}}')},
            [MINE],
        )
