"""Which leases of single jobs are renewed, and which are over."""

from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.testing.clock import FakeClock
from dutiful.worker.job_leases import JobLeases
from tests.unit.worker.parts import claim


def test_a_lease_that_is_over_is_not_renewed_but_reported() -> None:
    """Its renewal might succeed, and nobody would run the job, which no worker starts any more."""
    clock = FakeClock()
    leases = JobLeases(Lease(10 * SECOND, 2 * SECOND), clock)
    late, fresh = claim("late"), claim("fresh")
    leases.asking()
    leases.take(late)
    clock.advance("9s")
    leases.asking()
    leases.take(fresh)
    assert not leases.valid(late)
    assert leases.due(None) == [(fresh,)]
    assert leases.expire() == [late]
    assert not leases.knows("late")
