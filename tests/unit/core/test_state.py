"""The table of moves."""

from typing import get_args

import pytest

from dutiful.core.state import (
    FINAL,
    LIVE,
    PENDING,
    TRANSITIONS,
    State,
    Verb,
    allowed,
    mask,
    mermaid,
    movable,
)

S = State
MOVES = {
    (None, "enqueue", S.QUEUED),
    (None, "enqueue", S.SCHEDULED),
    (S.SCHEDULED, "stage", S.QUEUED),
    (S.WAITING, "stage", S.QUEUED),
    (S.QUEUED, "claim", S.RUNNING),
    (S.RUNNING, "succeed", S.SUCCEEDED),
    (S.RUNNING, "retry", S.SCHEDULED),
    (S.RUNNING, "park", S.SCHEDULED),
    (S.RUNNING, "snooze", S.WAITING),
    (S.RUNNING, "release", S.QUEUED),
    (S.RUNNING, "rescue", S.QUEUED),
    (S.RUNNING, "die", S.DEAD),
    (S.RUNNING, "cancel", S.CANCELLED),
    (S.SCHEDULED, "cancel", S.CANCELLED),
    (S.QUEUED, "cancel", S.CANCELLED),
    (S.WAITING, "cancel", S.CANCELLED),
    (S.SCHEDULED, "run_now", S.QUEUED),
    (S.WAITING, "run_now", S.QUEUED),
    (S.DEAD, "redrive", S.QUEUED),
    (S.CANCELLED, "redrive", S.QUEUED),
}


def test_these_moves_and_no_others_are_listed() -> None:
    listed = {(move.source, move.verb, move.target) for move in TRANSITIONS}
    # A replaced job moves too; that move is between its parts, not a verb of the table yet.
    assert {move for move in listed if move[1] != "replace"} == MOVES
    assert len(listed) == len(TRANSITIONS)
    assert all(move.why for move in TRANSITIONS)


@pytest.mark.parametrize("source", [None, *State])
@pytest.mark.parametrize("target", list(State))
def test_allowed_says_what_the_table_says(source: State | None, target: State) -> None:
    listed = any((move.source, move.target) == (source, target) for move in TRANSITIONS)
    assert allowed(source, target) is listed


@pytest.mark.parametrize("source", list(State))
@pytest.mark.parametrize("verb", get_args(Verb))
def test_movable_says_what_the_table_says(source: State, verb: Verb) -> None:
    listed = any((move.source, move.verb) == (source, verb) for move in TRANSITIONS)
    assert movable(source, verb) is listed


def test_every_verb_is_in_the_table() -> None:
    assert {move.verb for move in TRANSITIONS} == set(get_args(Verb))


def test_a_pending_job_is_live_and_does_not_run() -> None:
    assert set(PENDING) == set(LIVE) - {S.RUNNING}
    assert all(movable(state, "cancel") and movable(state, "replace") for state in PENDING)


def test_the_numbers_are_stored_and_never_change() -> None:
    assert {state.name: state.value for state in State} == {
        "SCHEDULED": 0,
        "QUEUED": 1,
        "RUNNING": 2,
        "WAITING": 3,
        "SUCCEEDED": 4,
        "DEAD": 5,
        "CANCELLED": 6,
    }


def test_every_state_is_live_or_final() -> None:
    assert {*LIVE, *FINAL} == set(State)
    assert [state for state in State if state.final] == list(FINAL)
    assert not any(state.final for state in LIVE)


def test_only_a_redrive_leaves_a_final_state() -> None:
    verbs = {move.verb for move in TRANSITIONS if move.source in FINAL}
    assert verbs == {"redrive"}
    assert not any(move.source is S.SUCCEEDED for move in TRANSITIONS)


def test_only_a_claim_makes_a_job_running() -> None:
    assert {move.verb for move in TRANSITIONS if move.target is S.RUNNING} == {"claim"}


def test_every_state_can_be_reached_and_every_live_one_left() -> None:
    assert {move.target for move in TRANSITIONS} == set(State)
    assert {move.source for move in TRANSITIONS} >= set(LIVE)


def test_a_state_is_read_and_typed_as_a_word() -> None:
    assert S.CANCELLED.word == "cancelled"


def test_a_mask_has_one_bit_for_each_state() -> None:
    assert mask(()) == 0
    assert mask((S.SCHEDULED,)) == 1
    assert mask((S.QUEUED, S.CANCELLED)) == 0b1000010
    assert mask(tuple(State)) == 0b1111111


def test_the_picture_is_drawn_from_the_table() -> None:
    lines = mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert "    [*] --> queued: enqueue" in lines
    assert "    running --> dead: die" in lines
    assert lines[-3:] == [f"    {word} --> [*]" for word in ("succeeded", "dead", "cancelled")]
    assert len(lines) == 1 + len(TRANSITIONS) + len(FINAL)
