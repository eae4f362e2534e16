"""Healthy means that a restart would not help; ready means that jobs are taken now."""

from __future__ import annotations

import pytest

from dutiful.core.instant import SECOND
from dutiful.worker.health_view import Vitals, health_view

WELL = {"registered": True, "lease_holds": True}


def test_a_worker_that_serves_is_healthy_and_ready() -> None:
    view = health_view(Vitals(state="serving", **WELL))
    assert (view.healthy, view.ready, view.problems) == (True, True, ())


@pytest.mark.parametrize(
    ("vitals", "problem"),
    [
        (Vitals(state="starting"), "not registered yet"),
        (Vitals(state="serving", registered=True), "its lease is over"),
        (Vitals(state="quiet", **WELL), "quiet: it claims no jobs"),
        (Vitals(state="draining", **WELL), "draining: it ends when its jobs have ended"),
        (
            Vitals(state="serving", stalled_for=5 * SECOND, **WELL),
            "its loop has not answered for 5 s",
        ),
        (
            Vitals(state="serving", outage_for=7 * SECOND, **WELL),
            "the store cannot be used for 7 s",
        ),
    ],
)
def test_what_a_restart_would_not_cure_is_healthy_but_not_ready(
    vitals: Vitals, problem: str
) -> None:
    view = health_view(vitals)
    assert (view.healthy, view.ready, view.problems) == (True, False, (problem,))


def test_a_worker_that_hangs_is_not_healthy() -> None:
    view = health_view(Vitals(state="hung", hang="it sleeps", stalled_for=SECOND, **WELL))
    assert (view.healthy, view.ready) == (False, False)
    assert view.problems == ("hung: it sleeps",)
