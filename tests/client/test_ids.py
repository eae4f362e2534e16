"""Ids are unique among threads and forks, and sorted by time."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid

from dutiful.client.ids import new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert str(made) == str(made).lower()


def test_ids_of_later_microseconds_sort_later() -> None:
    ids = [new_id() for _ in range(2000)]
    assert [made[:18] for made in ids] == sorted(made[:18] for made in ids)


def test_threads_share_no_id() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend([new_id() for _ in range(3000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 12_000


FORK = """
import os
from dutiful.client.ids import new_id
new_id()
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, " ".join(new_id()[19:] for _ in range(100)).encode())
    os._exit(0)
os.wait()
theirs = set(os.read(reader, 10_000).decode().split())
print(len(theirs), len(theirs & {new_id()[19:] for _ in range(100)}))
"""


def test_a_fork_draws_its_own_chance() -> None:
    ended = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["100", "0"]
