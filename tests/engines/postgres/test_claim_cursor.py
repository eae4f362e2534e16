"""When a claim starts at the head of the line, and when behind the last job."""

from dutiful.engines.postgres.claim_cursor import QueueCursor

HEAD = None
FAST, SLOW = 10_000, 60_000
"""Microseconds for a claim of 1,000 jobs without and with a long walk before it."""


def test_a_line_starts_at_its_head() -> None:
    assert QueueCursor().start(0) is HEAD


def test_while_walks_are_cheap_the_order_is_exact() -> None:
    cursor = QueueCursor()
    for turn in range(10):
        assert cursor.start(turn) is HEAD
        cursor.learn(HEAD, 800, 10, (0, turn, turn), turn)


def test_a_dear_walk_is_made_seldom() -> None:
    cursor = QueueCursor()
    cursor.learn(HEAD, SLOW + 30_000, 1000, (0, 5, 7), 1_000_000)
    assert cursor.start(1_000_001) == (0, 5, 7)
    wait = cursor.walk_in(1_000_001)
    assert 100_000 < wait < 2_000_000
    assert cursor.start(1_000_001 + wait) is HEAD


def test_one_slow_answer_is_not_believed() -> None:
    cursor = QueueCursor()
    for turn in range(20):
        assert cursor.start(turn) is HEAD
        cursor.learn(HEAD, 500_000 if turn % 3 else 500, 1, (0, turn, turn), turn)


def test_a_cheap_walk_ends_the_thrift() -> None:
    cursor = QueueCursor()
    for _ in range(3):
        assert cursor.start(0) is HEAD
        cursor.learn(HEAD, 500_000, 1, (0, 5, 7), 0)
    later = cursor.walk_in(0)
    assert cursor.start(later) is HEAD
    cursor.learn(HEAD, 500, 1, (0, 6, 8), later)
    assert cursor.start(later + 1) is HEAD


def test_large_claims_are_compared_with_one_that_walks_nowhere() -> None:
    cursor = QueueCursor()
    starts = []
    for turn in range(40):
        starts.append(cursor.start(turn))
        cursor.learn(starts[-1], FAST, 1000, (0, turn, turn), turn)
    assert starts.count(HEAD) > 30
    assert starts.count(HEAD) < 40
    # It knows by now that 1,000 jobs take 10 ms, so that 60 ms are a walk.
    cursor.learn(HEAD, SLOW, 1000, (0, 99, 99), 50)
    assert cursor.start(51) == (0, 99, 99)


def test_what_wakes_is_claimed_from_the_head_while_the_line_is_quick_to_look_through() -> None:
    cursor = QueueCursor()
    cursor.learn(HEAD, 5_000, 1, (0, 5, 7), 0)
    cursor.learn(HEAD, 500, 0, None, 1)
    assert cursor.newest() is HEAD


def test_what_wakes_is_claimed_behind_the_last_job_until_the_line_is_quick_again() -> None:
    cursor = QueueCursor()
    cursor.learn(HEAD, 500, 1, (0, 5, 7), 0)
    cursor.learn(HEAD, 2_500, 0, None, 1)
    assert cursor.newest() == (0, 5, 7)
    assert cursor.start(2) is HEAD
    cursor.learn((0, 5, 7), 500, 1, (0, 6, 8), 2)
    assert cursor.newest() == (0, 6, 8)
    cursor.learn(HEAD, 500, 0, None, 3)
    assert cursor.newest() is HEAD
