"""DBOS on PostgreSQL or SQLite, as the URL says."""

import os
import threading

from dbos import DBOS, DBOSClient
from marks import hit

URL = os.environ["PEERS_URL"].replace("postgresql://", "postgresql+psycopg://")
ORDER = {"queue_name": "jobs", "workflow_name": "mark"}
client: DBOSClient


@DBOS.workflow(name="mark")
def mark(number: int) -> None:
    hit(number)


def launch() -> None:
    DBOS(
        config={
            "name": "peers",
            "system_database_url": URL,
            "log_level": "ERROR",
            "application_version": "1",
            "executor_id": str(os.getpid()),
        }
    )
    DBOS.launch()
    DBOS.register_queue("jobs", worker_concurrency=1000, polling_interval_sec=0.1)


def install() -> None:
    launch()
    DBOS.destroy()


def open() -> None:
    global client
    client = DBOSClient(system_database_url=URL)


def enqueue(number: int) -> None:
    client.enqueue(ORDER, number)


def enqueue_many(numbers: list[int]) -> None:
    with client._sys_db.engine.begin() as transaction:
        for number in numbers:
            client.enqueue_in_transaction(transaction, ORDER, number)


def work() -> None:
    launch()
    threading.Event().wait()
