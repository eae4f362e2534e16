"""The plan that sets aside rows which would make the database refuse a whole statement.

Another program may have written a priority that the index of ready jobs cannot hold, or an unusual
set of states in which a job holds its unique key: staging or claiming such a row fails. This plan
runs only after that error, so normal rows have no extra cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.roles.consumer import Wanted
from dutiful.core.settle import Settlement
from dutiful.engines._sql.statement import Plan, Statement

from .claiming import STAGED_MAX, Look
from .settling import guards
from .statements import Texts


def set_aside(
    sql: Texts, settlements: Sequence[Settlement], wanted: Wanted | None, now: int | None
) -> Plan[int]:
    """Set aside such rows among those that an exchange would change; return their number."""
    moved = 0
    odd = [item for item in settlements if item.claim.job.unreadable is not None]
    if odd:
        moved += (yield Statement(sql("unhold"), guards(odd))).count
    if wanted is not None:
        look = Look((yield Statement(sql("look"), ("", now))).rows[0])
        for queue in look.overdue():
            moved += (yield Statement(sql("aside_due"), (queue, STAGED_MAX, now))).count
        for queue in wanted.queues:
            moved += (yield Statement(sql("aside_ready"), (queue, STAGED_MAX, now))).count
    return moved
