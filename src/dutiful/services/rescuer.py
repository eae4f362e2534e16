"""Takes back the jobs of workers that died, fell silent or lost their lease."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.roles.consumer import Exchanged
from dutiful.contract.roles.fleet import WorkerInfo, WorkerStatus
from dutiful.core.event import JobsRescued, WorkerHung, WorkerLost, WorkerStalled
from dutiful.core.job import Claim
from dutiful.core.outcome import Crashed
from dutiful.core.retry import Random
from dutiful.core.settle import Rules, Settlement, settle
from dutiful.core.text import worded
from dutiful.core.unwritable import undecided

from .service import about
from .settle_apart import settle_apart

_BATCH = 200


class Rescuer:
    """Declares workers lost and settles their jobs as crashed.

    Any number of rescuers may run: a worker is declared lost by one write that a renewal can
    win, and each job is settled under the fence of the claim that it takes back.
    """

    name = "rescuer"
    seconds = 1.0

    def __init__(
        self,
        store: Store,
        worker: str,
        *,
        clock: Clock,
        rng: Random,
        rules: Callable[[str], Rules],
        vanished: Callable[[WorkerInfo], bool],
        healthy: Callable[[], bool],
        calm: Callable[[], bool] = lambda: False,
    ) -> None:
        """Rescue on behalf of ``worker``; ``healthy`` says whether its own lease holds.

        One that could not renew itself must not judge others: the store may have refused them
        all, or the whole host may have slept. While ``calm`` says that no worker needs a rescue,
        the store is not asked.
        """
        self._store = store
        self._worker = worker
        self._clock = clock
        self._rng = rng
        self._rules = rules
        self._vanished = vanished
        self._healthy = healthy
        self._calm = calm
        self._stalled: set[str] = set()
        self._hung: set[str] = set()

    def rest(self, rng: Random) -> float:
        """Wait about as long as ``seconds`` says."""
        return about(self.seconds, rng)

    async def run_once(self) -> int:
        """Declare who is lost, take back what they held, and return how many jobs that were."""
        if not self._healthy() or self._calm():
            return 0
        await self._declare()
        rescued = 0
        while claims := await self._store.fleet.abandoned(_BATCH):
            now = self._clock.now()
            settlements = [self._settle(claim, now) for claim in claims]
            answer = await settle_apart(self._send, settlements, self._store.emit, self._rng)
            accepted = len(settlements) - len(answer.refused) - len(answer.delayed)
            if accepted:
                self._store.emit(JobsRescued(accepted))
            rescued += accepted
            if len(claims) < _BATCH or not accepted:
                break
        return rescued

    async def _send(self, settlements: Sequence[Settlement]) -> Exchanged:
        return await self._store.exchange(self._worker, settlements, None)

    async def _declare(self) -> None:
        workers = await self._store.fleet.workers()
        others = [one for one in workers if not one.lost and one.info.id != self._worker]
        self._tell_stalled(others)
        gone = {one.info.id for one in others if self._vanished(one.info)}
        silent = [one for one in others if one.silent_for > one.info.lease]
        if not gone and not silent:
            return
        for worker in await self._store.fleet.expire(sorted(gone)):
            self._store.emit(WorkerLost(worker, _why(worker, gone, others)))

    def _tell_stalled(self, others: list[WorkerStatus]) -> None:
        """Report once each worker that renews its lease while its loop hangs, or says it does."""
        stalled = {one.info.id: one.stalled_for for one in others if one.stalled_for}
        for worker in stalled.keys() - self._stalled:
            self._store.emit(WorkerStalled(worker, stalled[worker] / 1_000_000))
        self._stalled = set(stalled)
        hung = {one.info.id: one.report for one in others if one.report is not None and one.hung}
        for worker in hung.keys() - self._hung:
            self._store.emit(WorkerHung(worker, hung[worker].reason))
        self._hung = set(hung)

    def _settle(self, claim: Claim, now: int) -> Settlement:
        worker = claim.job.worker or "an unknown worker"
        outcome = Crashed(f"{worker} died or fell silent while it ran attempt {claim.job.attempt}")
        try:
            return settle(claim, outcome, now, self._rng, self._rules(claim.job.task))
        except Exception as error:  # noqa: BLE001 - one job must not block the rescue of others
            return undecided(claim, outcome, now, worded(error), self._rng)


def _why(worker: str, gone: set[str], others: list[WorkerStatus]) -> str:
    if worker in gone:
        return "its process is gone"
    silent = next((one.silent_for for one in others if one.info.id == worker), 0)
    return f"silent for {silent / 1_000_000:.1f} s"
