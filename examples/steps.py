"""A job of two parts: the second fails at first, and the first is not done again.

``python steps.py`` enqueues it, ``dutiful worker steps:app`` runs it. The worker prints one charge,
though the job takes two attempts.
"""

from dutiful import App, Context, Retry

app = App("sqlite:///jobs.db")


def take_money(order: int, key: str) -> str:
    """Stand in for a payment gateway, which is given the key to know a repeated call by."""
    print(f"charged order {order}", flush=True)
    return f"charge-of-{key[:8]}"


def book_parcel(order: int, attempt: int) -> str:
    """Stand in for a parcel service that is down at first."""
    if attempt == 1:
        raise ConnectionError("the parcel service is down")
    print(f"booked a parcel for order {order}", flush=True)
    return f"parcel-{order}"


@app.task(retry=Retry(max_attempts=5, delay="200ms"))
def fulfil(order: int, ctx: Context) -> list[str]:
    charge = ctx.step("charge", take_money, order, ctx.idempotency_key)
    parcel = ctx.step("parcel", book_parcel, order, ctx.attempt)
    return [charge, parcel]


if __name__ == "__main__":
    print(fulfil.enqueue(42).id)
