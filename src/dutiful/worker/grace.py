"""How the grace period is divided, and whether it fits the time that the environment gives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from dutiful.core.instant import SECOND, spell

CLEANUP_LEAST, CLEANUP_MOST = 0.5, 5.0
"""Seconds that interrupted tasks get to clean up."""
_CLEANUP_SHARE = 5
"""One part in so many of the grace period is for cleaning up."""
MARGIN = 5 * SECOND
"""What a worker needs after its grace period, in microseconds: to write the releases, to roll back,
to end child processes and threads. It is usually under a second."""
KUBERNETES_DEFAULT = 30 * SECOND
"""The grace period of a pod that names none."""


def cleanup_seconds(grace: float) -> float:
    """Return how many seconds before its end a grace period interrupts the tasks that still run.

    A fifth of it, but 0.5 to 5 s. A period shorter than that is over that much later.
    """
    return min(max(grace / _CLEANUP_SHARE, CLEANUP_LEAST), CLEANUP_MOST)


def hooks_seconds(grace: int, asked_at: float | None) -> float:
    """Return for how many seconds death hooks are waited for: what is left of the grace period.

    It began at ``asked_at`` by the loop's clock, and is in microseconds. They get at least 1 s.
    """
    spent = 0 if asked_at is None else asyncio.get_running_loop().time() - asked_at
    return max(grace / SECOND - spent, 1)


def grace_notice(
    grace: int, given: int | None, environ: Mapping[str, str] | None = None
) -> str | None:
    """Return a line when a worker would be killed before its grace period is over, or None.

    ``given`` is the setting ``termination_grace``: how long the service manager waits between TERM
    and KILL. A process cannot ask for it. Where it is not set, only Kubernetes' default is known,
    and the notice says that it is an assumption. All times are microseconds.
    """
    needed = grace + MARGIN
    if given is not None:
        if needed <= given:
            return None
        return (
            f"the grace period does not fit: the worker is killed {spell(given)} after TERM "
            f"(termination_grace), and --grace {spell(grace)} needs {spell(needed)}; jobs that "
            f"are killed spend an attempt: {_advice(given)}"
        )
    variables = os.environ if environ is None else environ
    if "KUBERNETES_SERVICE_HOST" not in variables or needed <= KUBERNETES_DEFAULT:
        return None
    return (
        f"--grace {spell(grace)} needs terminationGracePeriodSeconds: "
        f"{-(-needed // SECOND)}, and Kubernetes' default is 30; if the pod has another value, "
        "set DUTIFUL_TERMINATION_GRACE to it, and this notice goes"
    )


def _advice(given: int) -> str:
    if given <= MARGIN:
        return "let the service manager wait longer"
    return f"use --grace {spell(given - MARGIN)}, or let the service manager wait longer"
