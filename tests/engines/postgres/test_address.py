"""The URL is libpq's: all that it takes is taken, and what is shown holds no secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from dutiful import App
from dutiful.core.errors import BadConfiguration
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.address import address_of
from dutiful.servers.postgres import LocalServer

TAKEN = {
    "postgresql://": "postgresql://",
    "postgres://": "postgresql://",
    "PostgreSQL://db/shop": "postgresql://db/shop",
    "postgresql:///shop": "postgresql:///shop",
    "postgresql:///": "postgresql://",
    "postgresql:///shop?host=/run/postgresql": "postgresql:///shop?host=/run/postgresql",
    "postgresql://%2Frun%2Fpostgresql/shop": "postgresql:///shop?host=/run/postgresql",
    "postgresql:///shop?host=/run/postgresql&port=6000": (
        "postgresql:///shop?host=/run/postgresql&port=6000"
    ),
    "postgresql://me@/shop?password=hunter2": "postgresql://me@/shop",
    "postgresql://me:hunter2@db:6000/shop": "postgresql://me@db:6000/shop",
    "postgresql://me:hunter2@db1:1,db2:2/shop?target_session_attrs=read-write": (
        "postgresql://me@db1:1,db2:2/shop"
    ),
    "postgresql://db1,db2:5/shop": "postgresql://db1,db2:5/shop",
    "postgresql://me:hunter2@[::1]:6000/shop": "postgresql://me@[::1]:6000/shop",
    "postgresql://[2001:db8::1],[::1]/shop": "postgresql://[2001:db8::1],[::1]/shop",
    "postgresql://db/shop?service=jobs&passfile=/etc/pass": "postgresql://db/shop?service=jobs",
    "postgresql://?service=jobs": "postgresql://?service=jobs",
    "postgresql://db/shop?hostaddr=10.0.0.1": "postgresql://db/shop?hostaddr=10.0.0.1",
    "postgresql://o%40h:hunter2%2F%40%3A%25@db/my%20shop": "postgresql://o%40h@db/my%20shop",
    "postgresql://me:hunter2#1@db/shop": "postgresql://me@db/shop",
    "postgresql://db/shop?sslmode=verify-full&sslpassword=hunter2": "postgresql://db/shop",
    "postgresql://db/shop?password=hunter2+2": "postgresql://db/shop",
    "postgresql://db/shop?host=other&user=me&dbname=jobs": "postgresql://me@other/jobs",
    "postgresql://db/shop?schema=a%20b&connections=3&pooler=yes": "postgresql://db/shop",
}


@pytest.mark.parametrize("url", TAKEN)
def test_what_libpq_takes_is_taken(url: str) -> None:
    address = address_of(url)
    assert address.shown == TAKEN[url]
    assert "hunter2" not in repr(address)
    conninfo_to_dict(address.shown)  # libpq reads also what is shown
    bare = url.replace("schema=a%20b&connections=3&pooler=yes", "").removesuffix("?")
    scheme, _, rest = bare.partition(":")
    assert conninfo_to_dict(address.conninfo) == conninfo_to_dict(f"{scheme.lower()}:{rest}")
    assert App(url).store.name == "postgresql"


def test_options_may_be_written_plainly() -> None:
    address = address_of("postgresql://db/shop?options=-c jit=off -c geqo=off")
    assert conninfo_to_dict(address.conninfo)["options"] == "-c jit=off -c geqo=off"


def test_ours_are_read() -> None:
    address = address_of("postgresql:///shop?schema=a%20b&connections=3&pooler=yes")
    assert (address.schema, address.connections, address.pooler) == ("a b", 3, True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:shop",
        "postgresql:/shop",
        "postgresql://me:hunter2/shop",
        "postgresql://me:hunter2/2@db/shop",
        "postgresql://me:hunter2?2@db/shop",
        "postgresql://me:hunter2@2@db/shop",
        "postgresql://me:hunter2%@db/shop",
        "postgresql://me:hunter2@[::1/shop",
        "postgresql://db/shop?hunter2",
        "postgresql://db/shop?color=red",
        "postgresql+psycopg://me:hunter2@db/shop",
    ],
)
def test_what_cannot_be_read_is_told_without_the_password(url: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        address_of(url)
    assert "hunter2@" not in str(caught.value)
    assert "hunter2/" not in str(caught.value)


async def test_a_service_is_reached(
    postgres: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = tmp_path / "services.conf"
    where = f"host=127.0.0.1\nport={postgres.port}\nuser=postgres\ndbname=postgres\n"
    service.write_text(f"[jobs]\n{where}")
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    engine = PostgresEngine("postgresql://?service=jobs&schema=by_service")
    await engine.open()
    assert (await engine.inspector.tally())["enqueued"] == 0
    await engine.close()


async def test_what_the_environment_says_is_taken(
    postgres: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOST": "127.0.0.1", "PORT": postgres.port, "USER": "postgres"}.items():
        monkeypatch.setenv(f"PG{name}", str(value))
    for url in ("postgresql://?schema=by_environment", "postgresql:///postgres"):
        engine = PostgresEngine(url)
        await engine.open()
        assert (await engine.inspector.tally())["enqueued"] == 0
        await engine.close()
