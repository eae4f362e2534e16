"""The spans of a lease."""

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease


def test_a_worker_stops_a_beat_before_its_lease_ends() -> None:
    assert Lease().deadline(5 * SECOND) == 13 * SECOND
    assert Lease(length=60, heartbeat=10).deadline(0) == 50


def test_a_heartbeat_may_be_half_of_the_lease() -> None:
    assert Lease(length=10, heartbeat=5).heartbeat == 5


@pytest.mark.parametrize(("length", "heartbeat"), [(10, 6), (10, 0), (10, -1), (0, 0), (10, 10)])
def test_a_heartbeat_that_leaves_no_room_is_refused(length: int, heartbeat: int) -> None:
    with pytest.raises(BadOption, match="at most half of the lease"):
        Lease(length=length, heartbeat=heartbeat)
