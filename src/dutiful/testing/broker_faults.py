"""Faults that a test scripts, or that strike at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from random import Random


class BrokerFault(StrEnum):
    """What can go wrong in a call to the broker."""

    UNAVAILABLE = "nothing is done, and the call fails"
    ENTRY = "one entry of a batch is not stored, or one end not written"
    LOST_REPLY = "what was asked for is done, and its reply is lost"
    DUPLICATE = "a message whose lease still holds is given out again"
    EMPTY = "no message is given out, though some could be"


class BrokerFaults:
    """Which faults strike: the scripted ones first, then others at random.

    >>> faults = BrokerFaults()
    >>> faults.scripted[BrokerFault.LOST_REPLY] = 1
    >>> faults.strikes(BrokerFault.LOST_REPLY), faults.strikes(BrokerFault.LOST_REPLY)
    (True, False)
    """

    def __init__(self, rates: Mapping[BrokerFault, float] | None = None, seed: int = 0) -> None:
        """Take the probability of each fault, 0 to 1; a seed makes a run repeatable."""
        self.scripted: Counter[BrokerFault] = Counter()
        """How many of the next occasions a fault strikes for certain."""
        self.rates = dict(rates or {})
        self._random = Random(seed)  # noqa: S311 - not for secrets

    def strikes(self, fault: BrokerFault) -> bool:
        """Whether a fault strikes on this occasion."""
        if self.scripted[fault]:
            self.scripted[fault] -= 1
            return True
        rate = self.rates.get(fault, 0.0)
        return rate > 0 and self._random.random() < rate
