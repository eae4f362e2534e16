"""One task, one job. ``python hello.py`` enqueues it; ``dutiful worker hello:app`` runs it."""

from dutiful import App

app = App("sqlite:///jobs.db")


@app.task
def greet(name: str) -> str:
    return f"hello, {name}"


if __name__ == "__main__":
    job = greet.enqueue("Ada")
    print(job.id, job.status())
    print(job.result(timeout=30))
