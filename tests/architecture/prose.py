"""The words of pages, messages, docstrings and comments that a reader has to read twice."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

# Each private, old or double word, and what to write instead.
PLAIN = {
    r"told|tells?|telling": "reported, says, is notified",
    r"whoever|somebody|someone|nobody|anybody|everybody": "the name of the subject",
    r"at once": "immediately, or at the same time",
    r"anew": "again",
    r"for ever|forever": "indefinitely",
    r"mend(s|ed|ing)?": "fix",
    r"reckon(s|ed|ing)?": "calculate",
    r"hooks? of death": "death hook",
    r"hand(s|ed|ing)? (it |them )?back": "release",
    r"claim(s|ed|ing)? ahead": "prefetch",
    r"stretch(es)?": "a time range",
    r"who waits|sleepers?": "listeners",
    r"names? what is missing": "list pending migrations",
    r"hurr(y|ies|ied)": "run now",
    r"mourn(s|ed|ing)?": "run the death hooks",
    r"beats?": "heartbeat, or interval",
    r"editions?": "declaration version",
    r"former": "earlier, previous",
    r"diar(y|ies)": "history",
    r"in its hands": "running",
    r"drain(s|ed|ing)? (the |a )?(queue|backlog|jobs)": "run the jobs; workers drain",
}

# Texts that may hold such a word, and why.
ALLOWED = {
    "forever": "a value of the settings `keep_...`",
    "nobody": "the system's user, as whom a PostgreSQL server is started",
}

_GAP = r"[\s>#]+"
"""Between the words of a phrase, which may be wrapped."""
_WORDS = {
    meant: re.compile(rf"(?<!\w)(?:{word})(?!\w|-\w)".replace(" ", _GAP), re.IGNORECASE)
    for word, meant in PLAIN.items()
}
_CODE = re.compile(r"(?<!`)``(?!`)[^`]+``(?!`)|(?<!`)`(?!`)[^`\n]+`(?!`)")


def in_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and complaint for each such word of a page; code between backticks is code."""
    bare = _CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
    for meant, pattern in _WORDS.items():
        for found in pattern.finditer(bare):
            line = bare.count("\n", 0, found.start()) + 1
            yield line, f"{found[0]!r}: write {meant}"


def in_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the same for the comments of a Python file, line by line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            for _, complaint in in_text(token.string):
                yield token.start[0], complaint


def in_sql(text: str) -> Iterator[tuple[int, str]]:
    """Yield the same for the comments of a file of SQL, line by line."""
    for number, line in enumerate(text.split("\n"), 1):
        for _, complaint in in_text(line.partition("--")[2]):
            yield number, complaint


def in_code(text: str) -> Iterator[tuple[int, str]]:
    """Yield the same for the strings and docstrings of a Python file."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node.value in ALLOWED:
            continue
        for line, complaint in in_text(node.value):
            yield node.lineno + line - 1, complaint
