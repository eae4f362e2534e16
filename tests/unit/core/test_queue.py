"""Queue names, what a worker serves, and in which order."""

import random
from collections import Counter

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.queue import Served, fetch_order, queue_name, served
from tests.unit.core.dice import ALMOST, Dice


@pytest.mark.parametrize("name", ["a", "default", "Mail_2.high-prio", "x" * 100])
def test_a_good_name_is_kept(name: str) -> None:
    assert queue_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 101, "a b", "a/b", "ü", "a\n", "a:b"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(BadOption, match="use 1 to 100 letters"):
        queue_name(name)


def test_queues_are_read_with_their_weights() -> None:
    assert served(" billing:3 , default") == (Served("billing", 3), Served("default", 1))


def test_a_queue_counts_once() -> None:
    assert served("b,a:3,b, a:03,b:1") == (Served("b", 1), Served("a", 3))


@pytest.mark.parametrize("text", ["a:2,a:3", "a,b,a:3", "a:3,a"])
def test_two_weights_of_one_queue_are_refused(text: str) -> None:
    with pytest.raises(BadOption, match=r"queue a has the weights . and . in .*; give one"):
        served(text)


@pytest.mark.parametrize("text", ["a:0", "a:", "a:x", "a:-1", "a:1.5", "a:²", "a:3:4"])
def test_a_bad_weight_is_refused(text: str) -> None:
    with pytest.raises(BadOption, match="write a whole number above 0"):
        served(text)


@pytest.mark.parametrize("text", ["", "a,", ",a", "a b"])
def test_a_bad_list_is_refused(text: str) -> None:
    with pytest.raises(BadOption, match="queue name"):
        served(text)


def test_one_queue_needs_no_chance() -> None:
    assert fetch_order([Served("a")], Dice(0.5)) == ("a",)


def test_no_queue_is_no_order() -> None:
    assert fetch_order([], Dice(0.5)) == ()


def test_the_order_follows_the_dice() -> None:
    queues = [Served("a"), Served("b")]
    assert fetch_order(queues, Dice(0.2, 0.7)) == ("b", "a")
    assert fetch_order(queues, Dice(0.7, 0.2)) == ("a", "b")
    assert set(fetch_order(queues, Dice(0.0, ALMOST))) == {"a", "b"}


def test_a_queue_is_first_as_often_as_its_weight_says() -> None:
    queues = [Served("a", 3), Served("b", 1)]
    rng = random.Random(1)
    first = Counter(fetch_order(queues, rng)[0] for _ in range(20_000))
    assert 0.73 < first["a"] / 20_000 < 0.77


def test_every_queue_is_first_sometimes() -> None:
    queues = [Served("a", 100), Served("b", 1)]
    rng = random.Random(1)
    assert Counter(fetch_order(queues, rng)[0] for _ in range(5_000))["b"] > 0
