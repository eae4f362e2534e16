"""Work that keeps a processor busy runs in a child process, which can be killed.

``python cpu.py`` enqueues two jobs, ``dutiful worker cpu:app`` runs them: one ends, the other runs
into its timeout. Tasks for child processes live in a module, since the child imports them.
"""

from dutiful import App, Retry

app = App("sqlite:///jobs.db")


@app.task(cpu=True, timeout="1s", retry=Retry(max_attempts=1))
def count_primes(below: int) -> int:
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, below))


if __name__ == "__main__":
    import cpu  # the module as the worker and its children import it

    print(cpu.count_primes.enqueue(1_000).id, cpu.count_primes.enqueue(10**9).id)
