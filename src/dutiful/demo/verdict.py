"""The verdict: what the gateway's ledger says about the orders, put beside what was survived."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from dutiful.demo.books import LedgerLine
from dutiful.demo.orders import Order
from dutiful.demo.schedule_verdict import Occurrences


class Survived(msgspec.Struct, frozen=True, kw_only=True):
    """What the run went through; counted by the store, the gateway and the processes."""

    attempts: int
    retries: int
    workers_killed: int
    rescued: int
    dead: int
    """How many jobs became dead letters."""
    redriven: int
    still_dead: int
    alerts_fired: int = 0
    """How often the workers fired the alert about dead letters."""
    alerts_resolved: int = 0
    faults: dict[str, int]
    """What the gateway did wrong, by kind."""
    seconds: float
    occurrences: Occurrences | None = None
    """What became of the schedule; None where there is none."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The object that ``--json`` prints."""

    orders: int
    charged_once: int
    charged_twice: int
    """Orders charged more than once."""
    lost: int
    """Orders never charged."""
    wrong: int
    """Charges of another amount than the order's, or for no order at all."""
    overcharged: dict[str, int]
    """Cents taken beyond what was owed, by currency."""
    unpaid: dict[str, int]
    """Cents never taken, by currency."""
    attempts: int
    retries: int
    workers_killed: int
    rescued: int
    dead: int
    redriven: int
    still_dead: int
    alerts_fired: int = 0
    alerts_resolved: int = 0
    faults: dict[str, int]
    seconds: float
    occurrences: Occurrences | None = None
    naive: bool = False

    @property
    def ok(self) -> bool:
        """Whether every order was charged once, with its own amount, and each occurrence ran.

        The alert must have fired, and have been resolved, if there were dead letters.
        """
        kept = self.occurrences is None or self.occurrences.ok
        kept = kept and self.alerts_resolved == self.alerts_fired
        kept = kept and (self.naive or not self.dead or self.alerts_fired > 0)
        return kept and not (self.charged_twice or self.lost or self.wrong)


def judge(
    orders: Sequence[Order],
    ledger: Iterable[LedgerLine],
    survived: Survived,
    *,
    naive: bool = False,
) -> Verdict:
    """Compare the ledger with the orders."""
    charges: defaultdict[str, list[LedgerLine]] = defaultdict(list)
    for entry in ledger:
        charges[entry.order].append(entry)
    once = twice = lost = wrong = 0
    overcharged: Counter[str] = Counter()
    unpaid: Counter[str] = Counter()
    for order in orders:
        made = charges.pop(order.order_id, [])
        once += len(made) == 1
        twice += len(made) > 1
        lost += not made
        wrong += sum(not _fits(entry, order) for entry in made)
        if not made:
            unpaid[order.currency] += order.cents
        for entry in made[1:]:
            overcharged[entry.currency] += entry.cents
    wrong += sum(len(strangers) for strangers in charges.values())
    return Verdict(
        orders=len(orders),
        charged_once=once,
        charged_twice=twice,
        lost=lost,
        wrong=wrong,
        overcharged=dict(sorted(overcharged.items())),
        unpaid=dict(sorted(unpaid.items())),
        naive=naive,
        **msgspec.structs.asdict(survived),
    )


def money(cents: dict[str, int]) -> str:
    """Write sums of money as a person would.

    >>> money({"EUR": 123450, "USD": 5})
    '1,234.50 EUR, 0.05 USD'
    """
    return ", ".join(f"{sum_ / 100:,.2f} {currency}" for currency, sum_ in cents.items())


def _fits(entry: LedgerLine, order: Order) -> bool:
    return (entry.card, entry.cents, entry.currency) == (order.card, order.cents, order.currency)
