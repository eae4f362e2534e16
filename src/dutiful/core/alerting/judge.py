"""Evaluates rules on a sample: which conditions are beyond their limits, and which rules failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dutiful.core.bare import kind_of
from dutiful.core.secret_texts import NO_SECRETS, Secrets
from dutiful.core.text import visible, worded

from .rule import Condition, Limit, Limits, Rule
from .rules import RULE_FAILING
from .sample import Sample

SUBJECTS_MAX = 50
"""Of one rule, the conditions with the highest values are kept."""
_NAME, _TITLE, _TEXT = 200, 300, 1_000
"""How many characters of each text are kept."""


class Breach(msgspec.Struct, frozen=True):
    """A condition beyond its limit."""

    rule: str
    condition: Condition
    limit: Limit


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of rules says about a sample."""

    found: tuple[Breach, ...] = ()
    judged: frozenset[str] = frozenset()
    """The rules that were evaluated; alerts of other rules are left as they are."""
    failed: tuple[tuple[str, str], ...] = ()
    """The rules that raised, with their errors; their alerts are left as they are."""

    def judges(self, rule: str, subject: str) -> bool:
        """Whether it says anything about the alerts of a rule."""
        if rule == RULE_FAILING:
            return subject in self.judged or subject in dict(self.failed)
        return rule in self.judged


def judge(
    rules: Iterable[Rule], sample: Sample, limits: Limits, hidden: Secrets = NO_SECRETS
) -> Judgement:
    """Evaluate rules; one that raises, or yields what is no Condition, costs itself only.

    What is ``hidden`` is in none of the texts.
    """
    found: list[Breach] = []
    failed: list[tuple[str, str]] = []
    judged: set[str] = set()
    for rule in rules:
        try:
            found += _one(rule, sample, limits, hidden)
        except Exception as error:  # noqa: BLE001 - a user's rule must not cost the others
            failed.append((rule.name, hidden.hide(worded(error))))
        else:
            judged.add(rule.name)
    found += [_failing(name, error, hidden) for name, error in failed]
    return Judgement(found=tuple(found), judged=frozenset(judged), failed=tuple(failed))


def _one(rule: Rule, sample: Sample, limits: Limits, hidden: Secrets) -> Sequence[Breach]:
    if not limits.on:
        return ()
    worst: dict[str, Breach] = {}
    for condition in rule.check(sample):
        kind = kind_of(condition)
        if not issubclass(kind, Condition):  # a user's rule may not be type-checked
            raise TypeError(f"yield dutiful.Condition, not a {kind.__name__}")
        limit = limits.of(rule, condition.queue, condition.task)
        if not limit.on or not condition.value > limit.above:
            continue
        one = Breach(rule.name, _bounded(condition, hidden), limit)
        known = worst.get(one.condition.subject)
        if known is None or known.condition.value < condition.value:
            worst[one.condition.subject] = one
    if len(worst) <= SUBJECTS_MAX:
        return tuple(worst.values())
    return sorted(worst.values(), key=lambda one: -one.condition.value)[:SUBJECTS_MAX]


def _failing(rule: str, error: str, hidden: Secrets) -> Breach:
    condition = Condition(
        subject=rule,
        title=f"the alert rule {rule} fails",
        text="its alerts stay as they are until it works again",
        error=error,
        command="dutiful alerts rules",
    )
    return Breach(RULE_FAILING, _bounded(condition, hidden), Limit())


def _bounded(one: Condition, hidden: Secrets) -> Condition:
    """Cut texts short and make them safe to show: names of tasks and errors come from anywhere."""
    return msgspec.structs.replace(
        one,
        subject=_clean(one.subject, _NAME),
        title=_clean(one.title, _TITLE, hidden),
        text=_clean(one.text, _TEXT, hidden),
        error=_clean(one.error, _TITLE, hidden),
        command=_clean(one.command, _TITLE, hidden),
        count=min(max(int(one.count), 0), 2**53),
    )


def _clean(text: str, most: int, hidden: Secrets = NO_SECRETS) -> str:
    return visible(hidden.hide(str(text))[:most]).encode("utf-8", "backslashreplace").decode()
