"""The package rules: each takes text and yields what is wrong with it, as ``line: complaint``."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePath

FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 7
LINE_LENGTH_MAX = 100
DEPTH_MAX = 3

VAGUE = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
BANNER = re.compile(r"[#=*~_-]{4,}")
SILENCER = re.compile(r"#\s*(?:(?:type|pyright):\s*ignore|(?:ruff:\s*)?noqa\b)")
REASONED = re.compile(
    r"#\s*(?:(?:type|pyright):\s*ignore\[[\w, -]+\]"
    r"|(?:ruff:\s*)?noqa:\s*[A-Z]+\d+(?:, ?[A-Z]+\d+)*)"
    r"\s+(?:#|--?)\s*\w.{4,}"
)
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|rubygems\.org|crates\.io"
    r"|--(?:extra-)?index-url[ =]|--find-links[ =]|(?<![a-z])file:/{3}"
)
MACHINE = re.compile(r"(?<![\w.)}*-])/(?:work|root|home|Users)/\w")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)[^)]*\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def length(text: str, lines_max: int) -> Iterator[str]:
    """Find files and lines that are too long."""
    lines = text.splitlines()
    if len(lines) > lines_max:
        yield f"1: {len(lines)} lines, more than {lines_max}"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_LENGTH_MAX:
            yield f"{number}: {len(line)} characters, more than {LINE_LENGTH_MAX}"


def functions(text: str) -> Iterator[str]:
    """Find functions that are too long or take too many positional arguments."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{node.lineno}: {node.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"
        parameters = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        count = len(parameters) - (parameters[:1] in (["self"], ["cls"]))
        if count > PARAMETERS_MAX:
            yield (
                f"{node.lineno}: {node.name} takes {count} positional parameters, "
                f"more than {PARAMETERS_MAX}; use a record or keywords"
            )


def unfinished(text: str) -> Iterator[str]:
    """Find notes about work that is still to be done."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := UNFINISHED.search(line):
            yield f"{number}: {found[0]}; do it or open an issue"


def comments(text: str) -> Iterator[str]:
    """Find banners, and silenced checkers that give no code or no reason."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if BANNER.search(token.string):
            yield f"{token.start[0]}: a banner; split the file instead"
        if SILENCER.search(token.string) and not REASONED.search(token.string):
            yield f"{token.start[0]}: silences a checker without a code and ' - reason'"


def place(path: PurePath) -> Iterator[str]:
    """Find names that say nothing and folders that are too deep; paths start below the package."""
    if VAGUE & set(path.stem.lower().split("_")):
        yield f"1: {path.name} does not say what it holds"
    if len(path.parts) - 1 > DEPTH_MAX:
        yield f"1: more than {DEPTH_MAX} folders deep"


def addresses(text: str) -> Iterator[str]:
    """Find addresses of package registries and paths of one machine."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := REGISTRY.search(line):
            yield f"{number}: names a registry: {found[0]}"
        if found := MACHINE.search(line):
            yield f"{number}: names a folder of one machine: {found[0]}"


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and file of each relative link outside of code."""
    prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, line in enumerate(prose.splitlines(), 1):
        for found in LINK.finditer(re.sub(r"`[^`]*`", "", line)):
            target = (found[1] or found[2]).partition("#")[0]
            if target and ":" not in target:
                yield number, target
