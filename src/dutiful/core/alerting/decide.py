"""The one place that decides which alerts begin, fire and resolve, and what is sent about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from dutiful.core.instant import DAY, SECOND

from .incident import Delivery, Incident, Silence, Unreadable, digest, key_of
from .judge import Breach, Judgement
from .notice_text import Kind, notification
from .routing import EVERYTHING, Policy
from .rules import SINK_FAILING

_NOTED_EVERY = 30 * SECOND
"""A firing alert's count and text are written again at most so often."""
_FIRINGS_MAX = 10
KEPT = DAY
"""How long a resolved alert is remembered beside the history, for cool-down and flapping."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored."""

    incidents: Mapping[str, Incident | Unreadable] = {}
    """By key."""
    silences: tuple[Silence, ...] = ()


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What to write, all or nothing, and what has happened if that is written."""

    incidents: tuple[Incident, ...] = ()
    """New and changed ones; each has the version that was read."""
    dropped: tuple[tuple[str, int], ...] = ()
    """Keys and versions of those to be deleted."""
    deliveries: tuple[Delivery, ...] = ()
    fired: tuple[Incident, ...] = ()
    resolved: tuple[Incident, ...] = ()
    """They are added to the history."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.incidents or self.dropped or self.deliveries)


class _Announced(msgspec.Struct, frozen=True):
    """An incident about which a message is to be made, and for which sinks."""

    kind: Kind
    incident: Incident
    sinks: tuple[str, ...]


class _Turn:
    """One decision, while it is made."""

    def __init__(self, known: Known, policy: Policy, now: int) -> None:
        self.known, self.policy, self.now = known, policy, now
        self.written: dict[str, Incident] = {}
        self.dropped: dict[str, int] = {}
        self.announced: list[_Announced] = []
        self.fired: list[Incident] = []
        self.resolved: list[Incident] = []

    def found(self, judged: Breach) -> None:
        """Deal with a condition that is beyond its limit."""
        key, now = key_of(judged.rule, judged.condition.subject), self.now
        old = self.known.incidents.get(key)
        one = old
        if not isinstance(one, Incident) or one.state == "resolved":
            one = _pending(judged, old, now)
        elif self._noteworthy(one, judged):
            one = _described(one, judged, now)
        if one.clear_at is not None:
            one = replace(one, clear_at=None)
        if one.first_at > now:  # the store's clock was set back
            one = replace(one, first_at=now)
        if one.state == "pending" and now - one.first_at >= judged.limit.hold:
            firings = (*one.firings, now)[-_FIRINGS_MAX:]
            one = replace(_described(one, judged, now), state="firing", changed_at=now)
            one = replace(one, firings=firings)
            self.fired.append(one)
        if one.state == "firing":
            one = self._speak(one)
        if one is not old:
            self.written[key] = one

    def gone(self, key: str, old: Incident | Unreadable) -> None:
        """Deal with an alert whose condition is not there, by a rule that was evaluated."""
        now = self.now
        if isinstance(old, Unreadable):
            self.dropped[key] = old.version
        elif old.state == "pending":
            if old.firings:
                self.written[key] = replace(old, state="resolved", changed_at=now)
            else:
                self.dropped[key] = old.version
        elif old.state == "firing":
            self._clear(key, old)
        elif now - old.changed_at >= KEPT or old.changed_at > now + KEPT:
            self.dropped[key] = old.version

    def unjudged(self, key: str, old: Incident | Unreadable) -> None:
        """Drop an alert that no process has looked at for a day: its rule does not exist."""
        if isinstance(old, Unreadable) or abs(self.now - old.seen_at) < KEPT:
            return
        if old.state == "firing":
            self.resolved.append(replace(old, state="resolved", changed_at=self.now))
        self.dropped[key] = old.version

    def _clear(self, key: str, old: Incident) -> None:
        now = self.now
        if old.clear_at is None or old.clear_at > now:
            self.written[key] = replace(old, clear_at=now)
            return
        if now - old.clear_at < self._clear_after(old):
            return
        silence = self._silence(old)
        done = replace(
            old,
            state="resolved",
            changed_at=now,
            clear_at=None,
            silenced_by=silence,
            announced_at=None,
            announced_to=(),
            escalated_at=None,
        )
        self.written[key] = done
        self.resolved.append(done)
        if old.announced_at is not None and silence is None:
            self.announced.append(_Announced("resolved", done, old.announced_to))

    def _clear_after(self, old: Incident) -> int:
        policy = self.policy
        lately = [at for at in old.firings if 0 <= self.now - at < policy.flapping_window]
        flaps = len(lately) >= policy.flapping
        return max(policy.clear_after, policy.flapping_clear if flaps else 0)

    def _noteworthy(self, one: Incident, judged: Breach) -> bool:
        if one.severity != judged.limit.severity:
            return True
        return not 0 <= self.now - one.seen_at < _NOTED_EVERY

    def _silence(self, one: Incident) -> str | None:
        covers = (
            silence.id
            for silence in self.known.silences
            if silence.covers(one.rule, one.subject, self.now)
        )
        return next(covers, None)

    def _speak(self, one: Incident) -> Incident:
        """Announce a firing alert, or escalate it, unless something keeps messages back."""
        now, policy = self.now, self.policy
        if (silence := self._silence(one)) != one.silenced_by:
            one = replace(one, silenced_by=silence)
        if silence is not None:
            return one
        if one.announced_at is None:
            last = one.last_announced_at
            if last is not None and 0 <= now - last < policy.cooldown:
                return one
            everyone = policy.sinks_for(one.rule, one.severity)
            sinks = tuple(name for name in everyone if not _is_about(one, name))
            one = replace(one, announced_at=now, last_announced_at=now, announced_to=sinks)
            self.announced.append(_Announced("firing", one, sinks))
            return one
        if one.clear_at is None and (sinks := self._later(one, one.announced_at)):
            everyone = (*one.announced_to, *sinks)
            one = replace(one, escalated_at=now, announced_to=everyone)
            self.announced.append(_Announced("escalated", one, sinks))
        return one

    def _later(self, one: Incident, announced_at: int) -> tuple[str, ...]:
        """Return to whom an alert that was announced escalates now."""
        policy, found = self.policy, list[str]()
        for name in policy.sinks:
            route = policy.routes.get(name, EVERYTHING)
            after = policy.escalate_after if route.after is None else route.after
            if not route.escalation or self.now - announced_at < after:
                continue
            if route.takes(one.rule, one.severity) and name not in one.announced_to:
                found += [] if _is_about(one, name) else [name]
        return tuple(found)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Make one message for each sink, kind and rule."""
        groups: dict[tuple[str, Kind, str], list[Incident]] = {}
        for one in self.announced:
            for sink in one.sinks:
                groups.setdefault((sink, one.kind, one.incident.rule), []).append(one.incident)
        return tuple(self._delivery(sink, kind, about) for (sink, kind, _), about in groups.items())

    def _delivery(self, sink: str, kind: Kind, about: list[Incident]) -> Delivery:
        now = self.now
        own_id = digest(kind, sink, str(now), *(one.id for one in about))
        return Delivery(
            id=own_id,
            sink=sink,
            notification=notification(own_id, kind, about, now, self.policy.store),
            keys=tuple(one.key for one in about),
            at=now,
            due_at=now,
        )


def decide(verdict: Judgement, known: Known, policy: Policy, now: int) -> Changes:
    """Decide what follows from a verdict; ``now`` is the store's time."""
    turn = _Turn(known, policy, now)
    seen: set[str] = set()
    for judged in verdict.found:
        key = key_of(judged.rule, judged.condition.subject)
        if key not in seen:
            seen.add(key)
            turn.found(judged)
    for key, old in known.incidents.items():
        if key in seen:
            continue
        rule, _, subject = key.partition("/")
        if verdict.judges(rule, subject):
            turn.gone(key, old)
        else:
            turn.unjudged(key, old)
    return Changes(
        incidents=tuple(turn.written.values()),
        dropped=tuple(turn.dropped.items()),
        deliveries=turn.deliveries(),
        fired=tuple(turn.fired),
        resolved=tuple(turn.resolved),
    )


def firing(known: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return those that fire, critical ones first, then by how long they do."""
    found = [one for one in known if one.state == "firing"]
    return tuple(sorted(found, key=lambda one: (one.severity != "critical", one.since, one.key)))


def _is_about(one: Incident, sink: str) -> bool:
    """Whether an alert says that this very sink fails."""
    return one.rule == SINK_FAILING and one.subject == sink


def _pending(judged: Breach, old: Incident | Unreadable | None, now: int) -> Incident:
    found, rule = judged.condition, judged.rule
    fresh = Incident(
        id=digest(rule, found.subject, str(now)),
        rule=rule,
        subject=found.subject,
        state="pending",
        since=_since(judged, now),
        first_at=now,
        seen_at=now,
        changed_at=now,
        version=0 if old is None else old.version,
    )
    if isinstance(old, Incident):
        fresh = replace(fresh, firings=old.firings, last_announced_at=old.last_announced_at)
    return _described(fresh, judged, now)


def _described(one: Incident, judged: Breach, now: int) -> Incident:
    found = judged.condition
    return replace(
        one,
        severity=judged.limit.severity,
        since=min(one.since, _since(judged, now)),
        seen_at=now,
        count=found.count,
        title=found.title,
        text=found.text,
        error=found.error or one.error,
        command=found.command,
    )


def _since(judged: Breach, now: int) -> int:
    since = judged.condition.since
    return now if since is None else min(since, now)
