"""Adds the dead-man's signal to the services of a worker, where a URL for it is set."""

from __future__ import annotations

from collections.abc import Callable

from dutiful.config import Settings
from dutiful.core.event import Emit
from dutiful.services.dead_man_service import DeadManService
from dutiful.services.service import Service
from dutiful.services.turns import Turns

DUTIES = ("scheduler", "rescuer", "alerter")
"""The services without which jobs fail and no person is informed."""


def with_dead_man(
    services: list[Service], settings: Settings, ticks: Callable[[], int], emit: Emit
) -> list[Service]:
    """Return the services, and one more that pings while those of `DUTIES` work.

    Without ``dead_man_url`` they are returned as they are. The services of an engine that has none
    of the duties, such as a broker, are watched as far as they exist.
    """
    if settings.dead_man_url is None:
        return services
    from dutiful.observe.dead_man import DeadManUrl  # loads what speaks HTTP only where it is used

    turns = Turns(ticks)
    watched = turns.recorded(services, DUTIES)
    seconds = settings.dead_man_every / 1_000_000
    monitor = DeadManUrl(settings.dead_man_url)
    return [*watched, DeadManService(monitor, turns.problem, seconds, emit)]
