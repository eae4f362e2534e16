"""Django's connections, in a process of their own: its settings are global."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dutiful import UsageError
from dutiful.engines._sql.statement import Plan
from dutiful.engines.postgres.callers import on_django

SCRIPT = """
import sys
import django
from django.conf import settings

host, port, name, url = sys.argv[1:]
DATABASE = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": name, "USER": "postgres", "HOST": host, "PORT": port,
}
settings.configure(DATABASES={"default": DATABASE, "file": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()
from django.db import connection, connections, transaction
from dutiful import App, UsageError

app = App(url)

@app.task
def charge(order: int) -> None: ...

def count() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'select count(*) from {url.rpartition("=")[2]}.job')
        return cursor.fetchone()[0]

charge.enqueue(0)
with transaction.atomic():
    charge.using(connection=connection).enqueue(1)
    charge.using(connection="default").enqueue(2)
    app.enqueue_many([charge.job(3)], connection=connections["default"])
print(count())
try:
    with transaction.atomic():
        charge.using(connection="default").enqueue(4)
        raise KeyError
except KeyError:
    print(count())
charge.using(connection="default").enqueue(5)
print(count())
try:
    charge.using(connection="file").enqueue(6)
except UsageError as error:
    print("sqlite" in str(error))
try:
    charge.using(connection="nowhere").enqueue(7)
except UsageError as error:
    print("pass the connection itself" in str(error))
import asyncio
asyncio.run(app.close())
"""


def test_jobs_commit_with_djangos_transaction(postgres_url: str, tmp_path: Path) -> None:
    script = tmp_path / "shop.py"
    script.write_text(SCRIPT)
    parts = urlsplit(postgres_url)
    where = [str(parts.hostname), str(parts.port), parts.path[1:], postgres_url]
    done = subprocess.run([sys.executable, script, *where], capture_output=True, text=True)
    assert done.stdout.split() == ["4", "4", "5", "True", "True"], done.stderr


UNSET = """
import sys
from dutiful import App, UsageError

app = App(sys.argv[1])

@app.task
def charge(order: int) -> None: ...

try:
    charge.using(connection="default").enqueue(1)
except UsageError as error:
    print(error)
import asyncio
asyncio.run(app.close())
"""


def test_an_alias_without_settings_is_told_what_to_do(postgres_url: str, tmp_path: Path) -> None:
    script = tmp_path / "shop.py"
    script.write_text(UNSET)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO")}
    done = subprocess.run(
        [sys.executable, script, postgres_url], capture_output=True, text=True, env=environ
    )
    assert "set DJANGO_SETTINGS_MODULE and call django.setup() first" in done.stdout, done.stderr


def test_an_alias_without_django_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "django", None)
    monkeypatch.setitem(sys.modules, "django.db", None)
    with pytest.raises(UsageError, match="'default' names a database of Django's"):
        on_django.enqueue("default", lambda connection: run_nothing())


def run_nothing() -> Plan[None]:
    raise AssertionError("there is nothing to run it on")


ON_SQLITE = """
import sys
import django
from django.conf import settings

path = sys.argv[1]
settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": path}, "other": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": path + "-other"}})
django.setup()
from django.db import connection, connections, transaction
from dutiful import App, DuplicateJob, UsageError, unique

app = App(f"sqlite:///{path}")

@app.task
def charge(order: int) -> None: ...

def count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from dutiful_job")
        return cursor.fetchone()[0]

charge.using(connection="default").enqueue(0)  # makes the tables, and commits at once
print(count())
with transaction.atomic():
    charge.using(connection="default").enqueue(1)
    with transaction.atomic():
        charge.using(connection=connection).enqueue(2)
    app.enqueue_many([charge.job(3)], connection=connections["default"])
print(count())
try:
    with transaction.atomic():
        charge.using(connection="default").enqueue(4)
        raise KeyError
except KeyError:
    print(count())
key = unique("k", on_conflict="raise")
with transaction.atomic():
    charge.using(connection="default", unique=key).enqueue(5)
    try:
        charge.using(connection="default", unique=key).enqueue(6)
    except DuplicateJob:
        pass
    charge.using(connection="default").enqueue(7)
print(count())
for wrong in ("other", "nowhere"):
    try:
        charge.using(connection=wrong).enqueue(8)
    except UsageError as error:
        print(type(error).__name__)
with transaction.atomic():
    transaction.set_rollback(True)
    try:
        charge.using(connection="default").enqueue(9)
    except UsageError as error:
        print("failed" in str(error))
import asyncio

async def inside() -> None:
    try:
        await charge.using(connection="default").aenqueue(10)
    except UsageError as error:
        print("sync_to_async" in str(error))

asyncio.run(inside())
asyncio.run(app.close())
"""


def test_an_alias_works_on_sqlite_as_well(tmp_path: Path) -> None:
    script = tmp_path / "shop.py"
    script.write_text(ON_SQLITE)
    done = subprocess.run(
        [sys.executable, script, str(tmp_path / "jobs.db")], capture_output=True, text=True
    )
    said = ["1", "4", "4", "6", "UsageError", "UsageError", "True", "True"]
    assert done.stdout.split() == said, done.stderr
