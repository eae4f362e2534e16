"""What the log says of events."""

import json

import pytest

from dutiful.core.event import (
    ClaimsRefused,
    Event,
    JobDied,
    Notice,
    OccurrenceLate,
    OccurrenceMissed,
    ScheduleBroken,
    ServiceFailed,
    Settled,
    SettlementsUnknown,
    StoreUnhealthy,
    TaskUnknown,
    WorkerLost,
    WorkerStalled,
)
from dutiful.core.job import AttemptError, Claim, NewJob, stamp
from dutiful.core.misfire import COUNTED_MAX
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.core.text import visible
from dutiful.observe.formats import JsonLayout
from dutiful.observe.log import log


@pytest.mark.parametrize(
    ("count", "text"), [(3, "00:00: 3;"), (COUNTED_MAX + 1, f"00:00: more than {COUNTED_MAX};")]
)
def test_misfires_are_counted_so_far(
    caplog: pytest.LogCaptureFixture, count: int, text: str
) -> None:
    log(OccurrenceMissed("tick", 0, count))
    (record,) = caplog.records
    assert text in record.getMessage()


def test_the_text_of_a_notice_is_in_its_line_once(caplog: pytest.LogCaptureFixture) -> None:
    for event in (Notice("look here"), StoreUnhealthy("full", "look here")):
        log(event)
    for record in caplog.records:
        line = JsonLayout().format(record)
        assert line.count("look here") == 1
        assert json.loads(line)["message"] == "look here"


def test_no_row_steers_a_log(caplog: pytest.LogCaptureFixture) -> None:
    evil = "a\x1b[31m\nERROR forged\x9b\u202e\udcff"
    job = stamp(NewJob(id=evil, task=evil, args=b"{}"), 0)
    error = AttemptError(evil, 1, 0, evil, evil, evil)
    claim = Claim(job)
    settlement = Settlement(claim, State.SCHEDULED, error=error, attempt=1)
    events: list[Event] = [
        JobDied(job, "bad-payload", error),
        Settled(evil, (settlement,)),
        ClaimsRefused(evil, (evil,)),
        SettlementsUnknown(evil, (evil,)),
        WorkerLost(evil, evil),
        TaskUnknown(evil, evil),
        WorkerStalled(evil, 1.0),
        ScheduleBroken(evil, evil),
        OccurrenceLate(evil, 2**63 - 1, 1.0, "enqueued late", evil),
        OccurrenceMissed(evil, -(2**63), 3),
        ServiceFailed(evil, evil),
        Notice(evil),
    ]
    with caplog.at_level("DEBUG", "dutiful"):
        for event in events:
            log(event)
    assert len(caplog.records) == len(events)
    for record in caplog.records:
        assert visible(record.getMessage()) == record.getMessage()
