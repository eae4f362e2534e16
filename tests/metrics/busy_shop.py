"""An app in which everything happens that the dashboard shows; a test runs it in real workers."""

import asyncio
import time

from dutiful import App, Retry

app = App()


class Unreachable:
    """A sink whose every send fails."""

    name = "unreachable"

    async def send(self, notification: object) -> None:
        raise OSError("no route")


app.alerts.add_sink(Unreachable())


@app.task
def later(number: int) -> None: ...


@app.task
async def fine(number: int) -> None:
    await asyncio.sleep(0.01)
    await later.using(unique=f"later:{number % 3}", delay="1h").aenqueue(number)


@app.task
async def long(seconds: float) -> None:
    await asyncio.sleep(seconds)


@app.task(retry=Retry(max_attempts=2, delay="100ms"))
def failing(number: int) -> None:
    raise ValueError("no")


@app.task(retry=Retry(max_attempts=1))
def dying(number: int) -> None:
    raise ValueError("no")


@app.task(timeout="100ms", hard_timeout="200ms", retry=Retry(max_attempts=1))
def stuck(number: int) -> None:
    time.sleep(2)


@app.every("1s", name="late", late_after="1us", misfire="once")
@app.every("1s", name="missed", late_after="1us", misfire="skip")
@app.task
async def scheduled() -> None: ...


def fill() -> None:
    """Enqueue some of everything."""
    app.enqueue_many(fine.job(number) for number in range(300))
    app.enqueue_many(failing.job(number) for number in range(20))
    app.enqueue_many(dying.job(number) for number in range(20))
    app.enqueue_many(stuck.job(number) for number in range(2))
    long.enqueue(600)
    app.enqueue_many(fine.using(queue="unserved").job(number) for number in range(5))


def fill_unknown() -> None:
    """Enqueue jobs of a task that the workers' code does not have."""

    @app.task
    def unknown(number: int) -> None: ...

    unknown.enqueue(1)


if __name__ == "__main__":
    fill()
    fill_unknown()
