"""Checks that our role has its rights on every table, also on those of later migrations."""

from __future__ import annotations

from typing import Any

import psycopg

from dutiful.contract.page import Finding
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.address import Address
from dutiful.engines.postgres.connections.connection import connect
from dutiful.engines.postgres.connections.errors import translated
from dutiful.engines.postgres.statements import Texts, trusted

from .apply_migration import rows


def grant_again(address: Address, sql: Texts) -> None:
    """Give roles that have all rights on the first tables the same rights on the others."""
    with connect(address) as connection, translated(f"granting rights in {address.shown}"):
        connection.execute(trusted(sql("regrant")))


def lacking_rights(connection: psycopg.Connection[Any], sql: Texts) -> str:
    """Say on which tables this role lacks rights; empty if it lacks none."""
    found = rows(connection, sql("rights"))
    return _advice(sql, [name for (name,) in found]) if found else ""


def rights(sql: Texts) -> Plan[Finding]:
    """Report the same for `check`."""
    found = (yield Statement(sql("rights"))).rows
    text = _advice(sql, [row[0] for row in found]) if found else "has its rights on every table"
    return Finding("rights", not found, text)


def _advice(sql: Texts, tables: list[str]) -> str:
    return (
        f"this role lacks rights on {', '.join(tables)}; run `dutiful migrate` as the owner of "
        f"schema {sql.quoted}, or grant the rights that the guide on PostgreSQL names"
    )
