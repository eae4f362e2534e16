"""What a worker reports is bounded, and whatever is stored is either read or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dutiful.core.worker_report import (
    RUNNING_MAX,
    RunningJob,
    WorkerReport,
    decode_report,
    encode_report,
    order_of,
)

FULL = WorkerReport(
    state="hung",
    reason="its loop sleeps",
    hung_for=1,
    loop_lag=2,
    slots=3,
    in_use=2,
    blocked=1,
    running=(RunningJob(id="j1", task="märz☀", started_at=5), RunningJob(id="j2", task="t")),
    progress_for=6,
    store_for=7,
    store_took=8,
    renewal_lag=9,
    heartbeat=10,
    rss_mb=11.5,
    app_version="1.2",
)


def test_a_report_comes_back_as_it_was() -> None:
    assert decode_report(encode_report(FULL)) == FULL


def test_a_report_is_ascii_for_databases_in_any_encoding() -> None:
    assert encode_report(FULL).isascii()


def test_a_report_has_a_greatest_length() -> None:
    many = tuple(RunningJob(id="i" * 999, task="t" * 999) for _ in range(500))
    text = encode_report(
        WorkerReport(state="serving", reason="r" * 10**6, running=many, app_version="v" * 999)
    )
    assert len(text) < 64 * 1024
    report = decode_report(text)
    assert report is not None
    assert len(report.running) == RUNNING_MAX
    assert len(report.running[0].task) == 200


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"state": 1}',
        '{"state": "serving", "slots": -1}',
        '{"state": "serving", "loop_lag": 1e300}',
        '{"state": "serving", "running": [{"id": 1}]}',
        "[" * 100_000,
        '{"state": "' + "s" * 70_000 + '"}',
        b'{"state": "serving"}',
        7,
        1.5,
    ],
)
def test_what_is_no_report_is_refused_with_one_kind_of_error(stored: object) -> None:
    with pytest.raises(ValueError, match="not a report"):
        decode_report(stored)


@given(st.one_of(st.text(), st.binary(), st.integers(), st.floats()))
def test_nothing_stored_raises_anything_else(stored: object) -> None:
    try:
        decode_report(stored)
    except ValueError:
        pass
    try:
        order_of(stored)
    except ValueError:
        pass


def test_a_report_of_a_newer_release_can_be_read() -> None:
    stored = json.dumps({"state": "dreaming", "of": "sheep"})
    assert decode_report(stored) == WorkerReport(state="dreaming")


def test_no_report_and_no_order_are_none() -> None:
    assert decode_report(None) is None
    assert order_of(None) is None
    assert order_of("quiet") == "quiet"
    with pytest.raises(ValueError, match="not an order"):
        order_of("dance")
