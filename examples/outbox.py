"""A job that exists if and only if the order does: it is enqueued on the caller's own connection.

``python outbox.py`` stores two orders; the second is rolled back, and its job with it.
"""

import asyncio
import sqlite3
from contextlib import closing

from dutiful import App

app = App("sqlite:///shop.db")


@app.task
def send_receipt(order: int) -> None:
    print(f"receipt for order {order}", flush=True)


def place_order(db: sqlite3.Connection, order: int, *, stock: int) -> None:
    with db:  # commits, or rolls back when something raises
        db.execute("INSERT INTO orders (id) VALUES (?)", (order,))
        send_receipt.using(connection=db).enqueue(order)
        if stock < 1:
            raise ValueError("out of stock")


if __name__ == "__main__":
    asyncio.run(app.open())  # once at start: makes Dutiful's tables before a transaction is open
    with closing(sqlite3.connect("shop.db")) as db:
        db.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)")
        place_order(db, 1, stock=5)
        try:
            place_order(db, 2, stock=0)
        except ValueError as error:
            print(f"order 2: {error}")
