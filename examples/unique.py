"""Three ways to meet a job that is there already: ``python unique.py`` shows what they do."""

from dutiful import App, DuplicateJob, unique

app = App("sqlite:///jobs.db")


@app.task
def reindex(shop: int, full: bool = False) -> None:
    print(f"reindexed {shop}", flush=True)


if __name__ == "__main__":
    rule = reindex.using(unique="reindex:7", delay="10m")
    first, second = rule.enqueue(7), rule.enqueue(7)
    print("the same job:", first.id == second.id, second.created)

    later = reindex.using(unique=unique("reindex:7", on_conflict="replace"), delay="20m")
    print("replaced:", later.enqueue(7, full=True).id == first.id)

    strict = reindex.using(unique=unique("reindex:7", on_conflict="raise"))
    try:
        strict.enqueue(7)
    except DuplicateJob as error:
        print("refused:", error.existing == first.id)
