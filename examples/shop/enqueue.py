"""Enqueue a charge for each order of a CSV file: ``python enqueue.py orders.csv``."""

import csv
import sys

from tasks import app, charge

with open(sys.argv[1], newline="", encoding="utf-8") as file:
    count = app.enqueue_many(
        charge.job(order["order_id"], order["card"], int(order["cents"]), order["currency"])
        for order in csv.DictReader(file)
    )
print(f"{count} charges enqueued")
