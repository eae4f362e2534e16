"""The parts of the management interface, as an app has them."""

from __future__ import annotations

from functools import cached_property
from typing import cast

from .alerts import Alerts
from .app_protocol import ManagedApp
from .dead import DeadLetters
from .jobs import Jobs
from .queues import Queues
from .schedules import Schedules
from .workers import Workers


class ManagementParts:
    """Gives an app its ``jobs``, ``dead``, ``queues``, ``workers``, ``schedules``, ``alerts``."""

    @cached_property
    def jobs(self) -> Jobs:
        """Jobs of every state: looking at them, cancelling them, running them now."""
        return Jobs(cast(ManagedApp, self))

    @cached_property
    def dead(self) -> DeadLetters:
        """Dead letters: looking at them, redriving them, deleting them."""
        return DeadLetters(cast(ManagedApp, self))

    @cached_property
    def queues(self) -> Queues:
        """Queues: what they hold, pausing and resuming them."""
        return Queues(cast(ManagedApp, self))

    @cached_property
    def workers(self) -> Workers:
        """Workers: what they run, and which fell silent."""
        return Workers(cast(ManagedApp, self))

    @cached_property
    def alerts(self) -> Alerts:
        """Alerts: their limits, rules and sinks, those that fire, silences."""
        return Alerts(cast(ManagedApp, self))

    @property
    def schedules(self) -> Schedules:
        """Schedules: those that the app declares, and those of its store."""
        return self._schedules

    @cached_property
    def _schedules(self) -> Schedules:
        # Behind a property, which a protocol can ask for in the eyes of every type checker.
        return Schedules(cast(ManagedApp, self))
