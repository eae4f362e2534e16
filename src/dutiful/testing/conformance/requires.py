"""The one way in which a contract's test is skipped: the engine declares that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec

from dutiful.contract.capability import Capability
from dutiful.contract.engine import AttemptCounter, Engine, LeaseOwner
from dutiful.core.instant import span, spell
from dutiful.testing.conformance.suite_clock import SuiteClock, by_hand, longest

T = TypeVar("T", bound=Callable[..., Any])
Bound = Literal["payload", "delay", "batch", "lease", "retention"]

_MARK = "__requires__"


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a test needs of an engine's declarations, and of the clock."""

    capabilities: frozenset[Capability] = frozenset()
    lacks: frozenset[Capability] = frozenset()
    owner: LeaseOwner | None = None
    counter: AttemptCounter | None = None
    bounded: frozenset[Bound] = frozenset()
    """The bounds that the engine must have, for a test to go beyond them."""
    delay: int = 0
    """Microseconds for which a job is delayed."""
    advance: int | None = None
    """Microseconds that pass, beside a few units of a real clock; None where no time must pass."""
    step: bool = False
    """Whether the clock is set, or must stand still."""

    def and_also(self, other: Needs) -> Needs:
        """Join two marks."""
        return Needs(
            capabilities=self.capabilities | other.capabilities,
            lacks=self.lacks | other.lacks,
            owner=other.owner or self.owner,
            counter=other.counter or self.counter,
            bounded=self.bounded | other.bounded,
            delay=max(self.delay, other.delay),
            advance=max(
                (one for one in (self.advance, other.advance) if one is not None), default=None
            ),
            step=self.step or other.step,
        )

    def unmet(self, engine: Engine | type[Engine], clock: SuiteClock) -> str | None:
        """Say which declaration of the engine, or which clock, rules the test out."""
        if missing := self.capabilities - engine.capabilities:
            return f"capability: no {', no '.join(sorted(item.name for item in missing))}"
        if there := self.lacks & engine.capabilities:
            return f"capability: has {', '.join(sorted(item.name for item in there))}"
        if self.owner not in (None, engine.lease_owner):
            return f"lease owner: the {engine.lease_owner}, not the {self.owner}"
        if self.counter not in (None, engine.attempt_counter):
            return f"attempt counter: the {engine.attempt_counter}, not the {self.counter}"
        for bound in sorted(self.bounded):
            if getattr(engine.bounds, bound) is None:
                return f"bound: none of {bound}"
        most = engine.bounds.delay
        if most is not None and self.delay > most:
            return f"bound: a delay of {spell(most)} at most, not {spell(self.delay)}"
        return self._unmet_by(clock)

    def _unmet_by(self, clock: SuiteClock) -> str | None:
        if self.step and not by_hand(clock):
            return "clock: real, so that no test can set or stop it"
        most, wait = longest(clock), self.advance or 0
        if most is not None and wait > most:
            return f"clock: real, and waits for {spell(most)} at most, not {spell(wait)}"
        return None


def requires(*capabilities: Capability) -> Callable[[T], T]:
    """Skip a test, or a whole contract, for engines that do not declare the capabilities."""
    return _mark(Needs(capabilities=frozenset(capabilities)))


def lacks(*capabilities: Capability) -> Callable[[T], T]:
    """Skip it for engines that do declare the capabilities."""
    return _mark(Needs(lacks=frozenset(capabilities)))


def leased_by(owner: LeaseOwner) -> Callable[[T], T]:
    """Skip it for engines whose leases are another's."""
    return _mark(Needs(owner=owner))


def counted_by(counter: AttemptCounter) -> Callable[[T], T]:
    """Skip it for engines whose attempts another counts."""
    return _mark(Needs(counter=counter))


def bounded(*bounds: Bound) -> Callable[[T], T]:
    """Skip it for engines without these bounds."""
    return _mark(Needs(bounded=frozenset(bounds)))


def needs_delay(by: str) -> Callable[[T], T]:
    """Skip it for engines that cannot delay a job for so long."""
    return _mark(Needs(delay=span(by)))


def needs_advance(by: str | None = None) -> Callable[[T], T]:
    """Skip it where the clock is real and must not take so long; without a span, it never is.

    The test lets time pass: by hand, or a few units of a `RealTime`.
    """
    return _mark(Needs(advance=0 if by is None else span(by)))


def needs_step(target: T) -> T:
    """Skip it where the clock is real: the test sets the wall clock, or counts on its standing."""
    return _mark(Needs(step=True))(target)


def needs(*targets: Any) -> Needs:
    """Return what tests or contracts need together."""
    found = Needs()
    for target in targets:
        found = found.and_also(getattr(target, _MARK, Needs()))
    return found


def _mark(more: Needs) -> Callable[[T], T]:
    def mark(target: T) -> T:
        setattr(target, _MARK, needs(target).and_also(more))
        return target

    return mark
