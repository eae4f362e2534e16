"""What the name of a migration says, and what a store's record of names allows."""

from pathlib import Path

import pytest

from dutiful.contract.release import release
from dutiful.core.errors import SchemaMismatch
from dutiful.engines._sql.migrations import Migration, due, health, lacking, names, opening, read
from dutiful.engines.postgres.schema import apply_migration
from dutiful.engines.postgres.statements import shipped as postgres
from dutiful.engines.sqlite.statements import shipped as sqlite

FIRST = Migration(1, "0001_first", "")
WIDER = Migration(2, "0002_wider", "")
INDEX = Migration(3, "0003_index.concurrently", "")
SLIM = Migration(4, "0004_slim.contract", "")
GONE = Migration(5, "0005_gone.contract.concurrently", "")
ALL = (FIRST, WIDER, INDEX, SLIM, GONE)


def test_the_name_says_what_a_migration_is() -> None:
    assert [one.contracts for one in ALL] == [False, False, False, True, True]
    assert [one.concurrently for one in ALL] == [False, False, True, False, True]
    assert not Migration(6, "0006_contract_concurrently", "").contracts


def test_a_folder_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "0010_b.contract.sql").write_text("B")
    (tmp_path / "0009_a.sql").write_text("A")
    (tmp_path / "notes.md").write_text("no")
    assert read(tmp_path) == (Migration(9, "0009_a", "A"), Migration(10, "0010_b.contract", "B"))


def test_opening_leaves_out_what_takes_long_or_takes_away() -> None:
    assert opening(ALL, ALL[1:]) == (WIDER,)
    assert opening(ALL, ALL) == ALL  # a new store


@pytest.mark.parametrize("others", [True, False])
def test_what_takes_away_waits_for_others(others: bool) -> None:
    assert due(ALL, ALL[1:], lambda: others) == ((WIDER, INDEX) if others else ALL[1:])
    assert due(ALL, ALL, lambda: others) == ALL


def test_an_expanded_store_serves_older_code() -> None:
    applied = {1: "0001_first", 2: "0002_wider", 3: "0003_index.concurrently"}
    assert lacking((FIRST,), applied, "the store") == ()
    assert lacking((FIRST, SLIM), applied, "the store") == (SLIM,)


def test_a_contracted_store_refuses_older_code() -> None:
    applied = {1: "0001_first", 4: "0004_slim.contract"}
    with pytest.raises(SchemaMismatch, match=r"the store .*0004_slim\.contract.*upgrade dutiful"):
        lacking((FIRST, WIDER), applied, "the store")
    assert lacking((FIRST, SLIM), applied, "the store") == ()


def test_health_tells_what_is_missing_and_what_is_newer() -> None:
    assert health(ALL[:1], {1: "0001_first"}) == (True, "schema 1")
    fine, text = health((FIRST, SLIM), {1: "0001_first", 2: "0002_wider"})
    assert fine
    assert "newer than this release by 0002_wider" in text
    assert "0004_slim.contract can follow" in text
    fine, text = health(ALL, {1: "0001_first"})
    assert not fine
    assert "lacks 0002_wider, 0003_index.concurrently: run `dutiful migrate`" in text


def test_the_release_has_a_version() -> None:
    assert release()[0].isdigit()


@pytest.mark.parametrize("shipped", [postgres(), sqlite()], ids=["postgresql", "sqlite"])
def test_shipped_migrations_keep_the_rules(shipped: tuple[Migration, ...]) -> None:
    numbers = [one.number for one in shipped]
    assert numbers == list(range(1, len(shipped) + 1))
    assert not shipped[0].contracts
    for one in shipped:
        assert set(one.name.split(".")[1:]) <= {"contract", "concurrently"}, one.name
        if one.concurrently:
            text = "\n".join(line for line in one.text.splitlines() if not line.startswith("--"))
            assert len(apply_migration.indexes(one)) == 1, one.name
            assert text.count(";") == 1, f"{one.name}: one statement a file"
            assert " EXISTS " in text, f"{one.name}: it may be run twice"
            assert "CONCURRENTLY" in text
    assert names(shipped) == tuple(sorted(names(shipped)))
