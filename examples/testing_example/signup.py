"""The code under test: signing up a customer enqueues a mail, which fails now and then."""

from dutiful import App, Retry

app = App("sqlite:///jobs.db")
sent: list[str] = []
down = False


@app.task(retry=Retry(max_attempts=3, delay="1m", backoff="fixed", jitter="none"))
def send_welcome(address: str) -> None:
    if down:
        raise ConnectionError("the mail server is down")
    sent.append(address)


def sign_up(address: str) -> None:
    send_welcome.enqueue(address)
