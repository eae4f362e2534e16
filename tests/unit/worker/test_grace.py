"""How a grace period is divided, and when a worker says that it does not fit."""

from __future__ import annotations

import re

import pytest

from dutiful import App
from dutiful.core.event import Notice
from dutiful.core.instant import SECOND
from dutiful.worker.grace import cleanup_seconds, grace_notice
from tests.worker.support import Events, burst

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}


@pytest.mark.parametrize(
    ("grace", "cleanup"),
    [(0, 0.5), (0.1, 0.5), (2.5, 0.5), (3, 0.6), (25, 5), (30, 5), (3600, 5)],
)
def test_a_fifth_of_the_grace_is_for_cleaning_up(grace: float, cleanup: float) -> None:
    assert cleanup_seconds(grace) == pytest.approx(cleanup)


@pytest.mark.parametrize(
    ("grace", "given", "environ", "says"),
    [
        (25, None, {}, None),
        (300, None, {}, None),
        (25, None, POD, None),
        (26, None, POD, "--grace 26s needs terminationGracePeriodSeconds: 31"),
        (55, 60, POD, None),
        (25, 30, {}, None),
        (26, 30, {}, "the worker is killed 30s after TERM .* needs 31s; .* use --grace 25s"),
        (5, 10, {}, None),
        (1, 5, {}, "let the service manager wait longer"),
    ],
)
def test_a_grace_that_does_not_fit_is_reported(
    grace: int, given: int | None, environ: dict[str, str], says: str | None
) -> None:
    limit = None if given is None else given * SECOND
    notice = grace_notice(grace * SECOND, limit, environ)
    if says is None:
        assert notice is None
    else:
        assert notice is not None
        assert re.search(says, notice), notice


async def test_a_worker_reports_it_at_its_start() -> None:
    async with App("memory://", termination_grace="10s") as app:
        events = Events(app)
        await burst(app)
        [notice] = events.of(Notice)
        assert "--grace 25s needs 30s" in notice.text
        await burst(app, grace=5 * SECOND)
        assert len(events.of(Notice)) == 1
