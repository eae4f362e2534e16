"""A task whose row and whose completion are one commit.

``python transaction.py`` makes the table and enqueues the job, ``dutiful worker transaction:app``
runs it. The first attempt writes and then fails: its row is gone. ``python transaction.py count``
tells how many rows there are: one.
"""

import sqlite3
import sys
from contextlib import closing

from dutiful import App, Context, Retry

app = App("sqlite:///shop.db")


@app.task(retry=Retry(max_attempts=5, delay="200ms"))
def ship(order: int, ctx: Context) -> None:
    with ctx.transaction() as db:
        db.execute("INSERT INTO shipment (order_id) VALUES (?)", (order,))
        if ctx.attempt == 1:
            raise RuntimeError("something broke after the write")


if __name__ == "__main__":
    with closing(sqlite3.connect("shop.db")) as db:
        db.execute("CREATE TABLE IF NOT EXISTS shipment (order_id INTEGER)")
        if sys.argv[1:] == ["count"]:
            print(db.execute("SELECT count(*) FROM shipment").fetchone()[0])
        else:
            print(ship.enqueue(42).id)
