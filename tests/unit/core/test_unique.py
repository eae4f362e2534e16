"""Unique rules: checked, and turned into the key that is stored."""

from typing import Any

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import HOUR
from dutiful.core.state import FINAL, LIVE, State, mask
from dutiful.core.unique import Unique, hold, holds, unique


def test_a_plain_rule_holds_its_key_while_the_job_is_live() -> None:
    rule = unique("k")
    assert rule == Unique("k", mask(LIVE), None, "existing")
    assert all(holds(rule.states, state) for state in LIVE)
    assert not any(holds(rule.states, state) for state in FINAL)


def test_with_a_period_success_holds_the_key_too() -> None:
    rule = unique("k", period=HOUR)
    assert rule.states == mask((*LIVE, State.SUCCEEDED))
    assert not holds(rule.states, State.DEAD)


def test_states_may_be_named() -> None:
    rule = unique("k", states=(*LIVE, State.DEAD))
    assert holds(rule.states, State.DEAD)
    assert not holds(rule.states, State.SUCCEEDED)


@pytest.mark.parametrize("missing", LIVE)
def test_states_must_include_every_live_one(missing: State) -> None:
    states = tuple(state for state in State if state is not missing)
    with pytest.raises(BadOption, match=f"add {missing.word}"):
        unique("k", states=states)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": ""}, "not empty"),
        ({"key": "k", "on_conflict": "skip"}, "choose one of existing, replace, raise"),
        ({"key": "k", "period": 0}, "longer than zero"),
        ({"key": "k", "period": -1}, "longer than zero"),
    ],
)
def test_a_mistake_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        unique(**options)


def test_a_key_without_a_period_is_stored_as_it_is() -> None:
    assert hold(unique("k"), 10 * HOUR) == "k"


def test_a_period_ends_on_its_boundary_since_the_epoch() -> None:
    rule = unique("k", period=HOUR)
    assert hold(rule, 10 * HOUR) == hold(rule, 11 * HOUR - 1) == f"k\x1f{HOUR}:10"
    assert hold(rule, 11 * HOUR) == f"k\x1f{HOUR}:11"


def test_no_period_meets_another_period_or_a_key_without_one() -> None:
    hours, days = unique("k", period=HOUR), unique("k", period=24 * HOUR)
    keys = {hold(rule, 0) for rule in (hours, days, unique("k"), unique("k@0"))}
    assert len(keys) == 4
