"""Labels are printable and few."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dutiful.observe.metrics.labels import (
    OTHER,
    PAIRS_MAX,
    QUEUES_MAX,
    STRANGERS_MAX,
    TASKS_MAX,
    JobLabels,
    LabelValues,
    printable,
)


def test_the_first_values_keep_their_names() -> None:
    labels = LabelValues(2)
    assert [labels.of(name) for name in "abca"] == ["a", "b", OTHER, "a"]


def test_names_that_the_code_does_not_have_cannot_crowd_out_those_that_it_has() -> None:
    known = {f"task-{number}" for number in range(TASKS_MAX)}
    labels = JobLabels(known)
    strange = [labels.of("q", f"strange-{number}")[1] for number in range(1000)]
    assert len(set(strange)) == STRANGERS_MAX + 1
    assert {labels.of("q", name)[1] for name in known} == known


def test_pairs_are_few_whatever_names_there_are() -> None:
    names = [f"n{number}" for number in range(300)]
    labels = JobLabels(set(names))
    shown = {labels.of(queue, task) for queue in names for task in names}
    assert len(shown) <= PAIRS_MAX + QUEUES_MAX + TASKS_MAX + 1
    assert len({queue for queue, _ in shown}) <= QUEUES_MAX + 1
    assert len({task for _, task in shown}) <= TASKS_MAX + 1


@given(st.text())
def test_any_name_can_be_shown(name: str) -> None:
    shown = printable(name)
    assert 0 < len(shown) <= 100
    assert shown.encode()
    assert not any(character < " " or "\x7f" <= character < "\xa0" for character in shown)


def test_halves_of_characters_and_controls_are_written_out() -> None:
    assert printable("a\ud800\x1b[31m\nb") == r"a\ud800\x1b[31m\nb"
    assert printable("") == "(empty)"
