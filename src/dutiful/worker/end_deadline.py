"""The deadline of an end: when its job's own lease is over, the end is not sent any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from dutiful.core.event import ClaimsRefused, Emit, SettlementsUnknown
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement

InTime = Callable[[Claim], bool]
"""Whether the lease of a claim still holds."""


class EndDeadline:
    """The settlements of one exchange, which is sent again in an outage until it is answered.

    A store without FENCED accepts the end of a job that it has given to another worker by then,
    and writes nothing. So an end is sent while its lease holds, and no more after that.
    """

    def __init__(
        self, worker: str, settlements: Sequence[Settlement], in_time: InTime | None, emit: Emit
    ) -> None:
        """Take what is to be sent; without ``in_time`` an end has no deadline."""
        self.in_time = in_time
        self._left = settlements
        self._worker = worker
        self._emit = emit
        self._doubtful = False
        self.dropped: tuple[str, ...] = ()
        """Ids of the jobs whose ends are not sent any more."""

    def left(self) -> Sequence[Settlement]:
        """Return what is to be sent now, and report what is too late for that.

        An end that was sent before, and whose reply was lost, may have been written; any other end
        has not been.
        """
        if self.in_time is None:
            return self._left
        over = [item.claim.job.id for item in self._left if not self.in_time(item.claim)]
        if over:
            kind = SettlementsUnknown if self._doubtful else ClaimsRefused
            self._emit(kind(self._worker, tuple(over)))
            self.dropped += tuple(over)
            self._left = without(self._left, over)
        return self._left

    def doubted(self) -> None:
        """Note that what was sent may have been written, and its reply was lost."""
        self._doubtful = True


def without(settlements: Sequence[Settlement], ids: Collection[str]) -> list[Settlement]:
    """Return the settlements of other jobs than these."""
    return [item for item in settlements if item.claim.job.id not in ids]
