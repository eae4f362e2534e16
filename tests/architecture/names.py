"""The words of the project: which public names a file has, and which words they may not hold."""

import ast
import re
from collections.abc import Iterator

# Each word that other systems use, and ours for the same idea.
SYNONYMS = {
    "ack": "settle",
    "acknowledge": "settle",
    "nack": "settle",
    "backend": "engine",
    "broker": "engine",
    "countdown": "delay",
    "eta": "run_at",
    "cronjob": "schedule",
    "periodic": "schedule",
    "dedup": "unique",
    "dedupe": "unique",
    "dequeue": "claim",
    "fetch_job": "claim",
    "fetch_jobs": "claim",
    "pop_job": "claim",
    "visibility": "lease",
    "dlq": "dead letter",
    "graveyard": "dead letter",
    "message": "job",
    "messages": "job",
    "max_retries": "max_attempts",
    "retries_max": "max_attempts",
    "reap": "rescue",
    "reaper": "rescue",
    "reclaim": "rescue",
    "requeue": "redrive",
    "resurrect": "redrive",
    "janitor": "pruner",
    "sweeper": "rescue",
}

# Names that may hold a foreign word, because there it means another thing.
ALLOWED = {
    "message",  # the text of an error or an event
    "error_message",
}

# These rooms speak to systems that have words of their own.
FOREIGN = (
    *("engines/bullmq/", "engines/sidekiq/", "engines/sqs/", "engines/temporal/"),
    "testing/broker",
)


def words(identifier: str) -> str:
    """Return the identifier in snake case."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", identifier)
    return parted.lower()


def public_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of every public definition, parameter and field."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found = [node.name]
            if not isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                given = node.args
                found += [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found = [node.target.id]
        else:
            continue
        yield from ((node.lineno, name) for name in found if not name.startswith(("_", "test_")))


def synonyms(text: str) -> Iterator[str]:
    """Find public names that call an idea by another word than the project's own."""
    for line, name in public_names(text):
        if name in ALLOWED:
            continue
        padded = f"_{words(name)}_"
        for foreign, ours in SYNONYMS.items():
            if f"_{foreign}_" in padded:
                yield f"{line}: {name}: say {ours!r}, not {foreign!r}"
