"""Chooses mutants of Python code, as Cosmic Ray makes them, by a seed."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOMS = ("core", "worker", "services")

_SWAPS = {
    "Comparison": (
        "Eq_NotEq NotEq_Eq Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt Is_IsNot "
        "IsNot_Is"
    ),
    "Binary": "Add_Sub Sub_Add Mul_Add Div_Mul FloorDiv_Mul Mod_Mul BitAnd_BitOr BitOr_BitAnd",
    "Unary": "USub_UAdd Delete_Not",
}
_OTHERS = (
    "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd "
    "ReplaceBreakWithContinue ReplaceContinueWithBreak ExceptionReplacer NumberReplacer "
    "RemoveDecorator ZeroIterationForLoop"
)
OPERATORS = (
    *(f"Replace{kind}Operator_{swap}" for kind, swaps in _SWAPS.items() for swap in swaps.split()),
    *_OTHERS.split(),
)

_ASSURANCES = ("frozen", "gc", "strict", "kw_only")


class Mutant(NamedTuple):
    """One changed file."""

    path: str
    """Below the root of the repository."""
    line: int
    name: str
    """The file and its first changed line: the same as long as that line is."""
    after: str
    """The whole text of the changed file."""


def sample(root: Path, count: int, seed: int) -> list[Mutant]:
    """Return ``count`` mutants of the rooms, each at a place of its own."""
    files = sorted(file for room in ROOMS for file in (root / "src/dutiful" / room).rglob("*.py"))
    places: dict[tuple[str, int, int], list[tuple[str, int]]] = {}
    codes: dict[str, str] = {}
    for file in files:
        path = str(file.relative_to(root))
        codes[path] = file.read_text(encoding="utf-8")
        for operator, occurrence, line, column in _places(codes[path]):
            places.setdefault((path, line, column), []).append((operator, occurrence))
    dice = random.Random(seed)
    chosen: list[Mutant] = []
    for place in dice.sample(sorted(places), len(places)):
        path, line, _ = place
        operator, occurrence = dice.choice(places[place])
        try:
            after = mutate_code(codes[path], get_operator(f"core/{operator}")(), occurrence)
        except AttributeError:  # it cannot change every tuple of exceptions
            continue
        if after is None or not _differs(codes[path], after):
            continue
        name = f"{path} {_change(codes[path], after)}"
        alike = sum(one.name.startswith(name) for one in chosen)
        chosen.append(Mutant(path, line, f"{name} #{alike + 1}" if alike else name, after))
        if len(chosen) == count:
            break
    return chosen


def _change(before: str, after: str) -> str:
    """Spell the first line that differs, before and after."""
    lines = zip(before.splitlines(), after.splitlines(), strict=False)
    old, new = next((old.strip(), new.strip()) for old, new in lines if old != new)
    return f"{old} -> {new}"


def _places(code: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield every operator that fits, with its place, but for where a change does nothing."""
    idle = list(_idle(ast.parse(code)))
    nodes: list[Any] = list(ast_nodes(get_ast(code)))
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        occurrence = 0
        for node in nodes:
            for (line, column), _ in operator.mutation_positions(node):
                if not any(start <= (line, column) < end for start, end in idle):
                    yield name, occurrence, line, column
                occurrence += 1


def _idle(tree: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the stretches in which a change does nothing: annotations, and mere assurances."""
    for node in ast.walk(tree):
        found = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.keyword) and node.arg in _ASSURANCES:
            found.append(node.value)
        for part in found:
            if isinstance(part, ast.expr):
                end = part.end_lineno or part.lineno, part.end_col_offset or 0
                yield (part.lineno, part.col_offset), end


def _differs(before: str, after: str) -> bool:
    """Whether the change is code that Python takes, and more than another way of writing it."""
    try:
        return ast.dump(ast.parse(before)) != ast.dump(ast.parse(after))
    except SyntaxError:
        return False
