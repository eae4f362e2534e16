"""Which version of the code must rule, as the store's clock has it, and that no two fight."""

from __future__ import annotations

from dutiful.contract.roles.schedule_store import Declared

GONE = 60
"""Seconds after which a declaration version that nobody shows is gone."""


class Editions:
    """What the auditor knows of all declaration versions that were ever shown."""

    def __init__(self) -> None:
        self.stepped_at = float("-inf")
        """When the store's clock was last set, in the time that nobody can set."""
        self._ranks: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._in_force = ""
        self._shown: dict[str, tuple[float, bool]] = {}
        """When each declaration version was last shown, and whether it ruled then."""

    def shown(
        self, version: str, answer: Declared, declares: bool, now: float, store_now: int
    ) -> str | None:
        """Note that a declaration version was shown, and judge what the store made of it."""
        fights = self._fights(version, now) if answer.rules else None
        self._shown[version] = (now, answer.rules)
        if fights is not None:
            return fights
        if store_now - self._seen.get(version, 0) > GONE * 1_000_000:
            self._ranks[version] = max(self._ranks.values(), default=0) + 1
        self._seen[version] = store_now
        living = [one for one, at in self._seen.items() if store_now - at <= GONE * 1_000_000]
        rules = max(living, key=self._ranks.__getitem__) == version
        if rules and declares:
            self._in_force = version
        if (answer.rules, answer.applied) != (rules, rules and self._in_force == version):
            return f"{version} was answered {answer}, rules: {rules}, in force: {self._in_force}"
        return None

    def _fights(self, version: str, now: float) -> str | None:
        """Say who ruled after this one had last been shown: they must not take turns.

        True whatever the clock does, as long as nobody sets it in between.
        """
        before, _ = self._shown.get(version, (float("-inf"), False))
        if before < max(self.stepped_at, now - GONE + 1):
            return None
        for other, (at, ruled) in self._shown.items():
            if other != version and ruled and at > before:
                return f"{version} rules again, though {other} has since, {now - at:.1f} s ago"
        return None
