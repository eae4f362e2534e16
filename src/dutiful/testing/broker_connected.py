"""The poor broker with leases of the server's: a message is a worker's while it is connected."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.engine import LeaseOwner
from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.errors import ReplyUnknown
from dutiful.core.instant import DAY
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.testing.broker import BrokerConsumer, BrokerQueues, PoorBroker

_CONNECTED = 365 * DAY
"""For so long a message is hidden; it is given out again when its connection breaks."""


class ConnectedConsumer(BrokerConsumer):
    """The role `Consumer` on one connection, which many workers of a process may share."""

    def __init__(self, queues: BrokerQueues) -> None:
        """Hold nothing yet."""
        super().__init__(queues, _CONNECTED)
        self._taken: dict[int, int] = {}
        """The receipt of each message that is held here, by the message's number."""
        self._workers: set[str] = set()
        """Who has used this connection."""
        self._lost: set[str] = set()
        """Who used one that broke: all that they held is given out again."""

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle and claim; a worker whose connection broke learns that it is lost."""
        if worker in self._lost:
            return Exchanged(refused=tuple(item.claim.job.id for item in settlements), lost=True)
        self._workers.add(worker)
        try:
            return await super().exchange(worker, settlements, wanted)
        except ReplyUnknown:
            self.disconnect()
            raise

    def disconnect(self) -> None:
        """Break the connection: the broker gives out again whatever was delivered on it."""
        with self.queues.lock:
            ticks = self.queues.clock.ticks()
            for number, receipt in self._taken.items():
                message = self.queues.messages.get(number)
                if message is not None and message.receipt == receipt:
                    message.visible = ticks
            self._taken.clear()
            self._lost |= self._workers
            self._workers.clear()

    def _settle(self, item: Settlement) -> bool:
        written = super()._settle(item)
        if written and self._taken.get(item.claim.handle[0]) == item.claim.handle[1]:
            del self._taken[item.claim.handle[0]]
        return written

    def _deliver(self, number: int, worker: str, until: int) -> Claim:
        claim = super()._deliver(number, worker, until)
        self._taken[number] = claim.handle[1]
        return claim


class ConnectedBroker(PoorBroker):
    """A `PoorBroker` whose leases end with the connection, and are not renewed."""

    name = "connected"
    lease_owner = LeaseOwner.SERVER

    def __init__(self, queues: BrokerQueues | None = None) -> None:
        """Start empty, or share another instance's ``queues``."""
        super().__init__(queues)
        self.consumer = self.connection = ConnectedConsumer(self.queues)
        self.leases = None

    async def close(self) -> None:
        """Disconnect."""
        self.connection.disconnect()
