"""Detects that the sequence of job numbers is behind the stored jobs, so that numbers would repeat.

Logical replication does not copy sequences: on the copy, new jobs would get numbers of old ones.
Errors and steps are identified by the jobs' ids, but those of older releases only by the number.
"""

from __future__ import annotations

from typing import Any

import psycopg

from dutiful.contract.page import Finding
from dutiful.core.errors import StoreUnusable
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.address import Address
from dutiful.engines.postgres.statements import Texts

from .apply_migration import rows

_FIX = "SELECT setval(pg_get_serial_sequence({job}, 'seq'), max(seq)) FROM {schema}.job"


def refuse_old_numbers(connection: psycopg.Connection[Any], sql: Texts, address: Address) -> None:
    """Raise StoreUnusable when the next job would get the number of a stored one."""
    ((newest, last),) = rows(connection, sql("sequence_position"))
    if _behind(newest, last):
        raise StoreUnusable(f"{address.shown}: {_advice(sql, newest, last)}")


def check_sequence(sql: Texts) -> Plan[Finding]:
    """Report the same for `check`."""
    newest, last = (yield Statement(sql("sequence_position"))).rows[0]
    behind = _behind(newest, last)
    text = _advice(sql, newest, last) if behind else "each new job gets a number of its own"
    return Finding("numbers", not behind, text)


def _behind(newest: Any, last: Any) -> bool:
    return newest is not None and last is not None and newest > last


def _advice(sql: Texts, newest: int, last: int) -> str:
    return (
        f"the newest job has number {newest:,} and the next one would get {last + 1:,}, for the "
        "sequence did not come along (logical replication copies none); before anything is "
        f"enqueued, run {sql.fill(_FIX)}"
    )
