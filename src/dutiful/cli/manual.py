"""How the command line explains itself: help in groups, and what a mistyped command meant."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from typer.core import TyperCommand, TyperGroup

from dutiful.cli.blank import refuse_blank
from dutiful.cli.failure import Interrupted, coloured, guard
from dutiful.cli.interrupt import begin
from dutiful.cli.render import sized
from dutiful.cli.terminal_encoding import lenient, readable

_WIDTH_MAX = 100
_OPTIONS = "Options"
_COMMANDS = "Commands"
_ORDER = (
    "Run",
    "Inspect and change",
    "Maintain the store",
    _COMMANDS,
    "Arguments",
    "Which jobs",
    "How",
    "Store and output",
)
_TYPES = re.compile(r"<(int|str)[^>]*>")
_RANGE = re.compile(r"(; )?\d*(<=|<)?x(<=|<|>=|>)\d+")


class Command(TyperCommand):
    """A command whose help is laid out by this file."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help screen."""
        _explain(self, ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed, and refuse values that are empty."""
        rest = super().parse_args(ctx, args)
        for param in () if ctx.resilient_parsing else self.params:
            refuse_blank(param, ctx.params.get(param.name))
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; only from here on does Ctrl-C find something to leave in order."""
        import_module("dutiful.public")  # what nearly every command needs, and slow to import
        begin()
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:  # typer would end the process without a word
            raise Interrupted from stop


class Later(Command):
    """A command whose module is imported when it is used, so that the others start fast."""

    def make_context(self, *given: Any, **extra: Any) -> Any:
        """Step aside for the command itself."""
        return self.real().make_context(*given, **extra)

    def real(self) -> Any:
        """Return the command, whose function the callback's answer names."""
        import typer

        where: Callable[[], tuple[str, str]] | None = self.callback
        if where is None:
            raise AssertionError(f"{self.name} has no place")
        module, function = where()
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(self.name, cls=Command)(getattr(import_module(module), function))
        return typer.main.get_command(alone)


class Group(TyperGroup):
    """A group of commands that answers a mistyped one with the nearest."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help screen."""
        _explain(self, ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments begin with, or say which was meant."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            if ctx.resilient_parsing:
                return None, None, args
            path = ctx.command_path.split()[1:]
            ctx.fail(_suggest(ctx.find_root().command, path, args))
        return super().resolve_command(ctx, args)


class Root(Group):
    """The whole command line, inside the boundary that turns errors into exit codes."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and leave the process with its exit code."""
        given = list(sys.argv[1:] if args is None else args)

        def run() -> Any:
            lenient()
            readable(given)
            sized()
            name = prog_name or "dutiful"
            return super(Root, self).main(
                given, name, complete_var, False, windows_expand_args, **extra
            )

        sys.exit(guard(run, as_json="--json" in given))


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command below a group with the words that lead to it."""
    for name, command in group.commands.items():
        if not command.hidden:
            yield (*path, name), command.real() if isinstance(command, Later) else command
            if hasattr(command, "commands"):
                yield from commands(command, (*path, name))


def _suggest(root: Any, path: list[str], args: list[str]) -> str:
    """Say what is not there, and what may have been meant.

    A word may belong to another group (`retry`), or two words be slightly wrong (`job lst`).
    """
    every = [" ".join(words) for words, _ in commands(root)]
    typed = " ".join([*path, args[0]])
    longer = " ".join([*path, *args[:2]])
    same = [name for name in every if name.split()[-1] == args[0]]
    near = get_close_matches(longer, [name for name in every if " " in name], 1, 0.7)
    alike = [name for name in every if name.count(" ") == len(path)]
    near = near or same or get_close_matches(typed, alike, 2, 0.6)
    text = f"no command {longer if near and not same and len(args) > 1 else typed!r}"
    if near:
        text += f"; did you mean {' or '.join(repr(name) for name in near[:4])}?"
    return text


def _explain(command: Any, ctx: Any, formatter: Any) -> None:
    bold, dim = _paint(1), _paint(2)
    formatter.write_usage(
        ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix=bold("Usage: ")
    )
    formatter.write_paragraph()
    formatter.write_text(command.help or "")
    for heading, rows in sections(command, ctx).items():
        formatter.write_paragraph()
        formatter.write(bold(heading) + "\n")
        formatter.indent()
        formatter.write_dl([(name, _help(text, dim)) for name, text in rows])
        formatter.dedent()
    if command.epilog:
        formatter.write_paragraph()
        for line in command.epilog.splitlines():
            formatter.write(f"{line}\n")


def sections(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Gather commands, arguments and options under their headings, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            heading = getattr(below, "rich_help_panel", None)
            text = below.get_short_help_str(limit=200)
            found.setdefault(_word(heading, _COMMANDS), []).append((name, text))
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            argument = param.param_type_name == "argument"
            heading = _word(getattr(param, "rich_help_panel", None), _OPTIONS)
            name = record[0].split(" <")[0] if argument else _TYPES.sub(_type, record[0])
            text = record[1].replace("\\[", "[")  # older versions of typer escape it for rich
            text = _RANGE.sub("", text).replace("  [", " [").removesuffix(" []")
            found.setdefault("Arguments" if argument else heading, []).append((name, text))
    return dict(sorted(found.items(), key=_place))


def _type(found: re.Match[str]) -> str:
    return "N" if found[1].startswith("int") else "TEXT"


def _place(section: tuple[str, object]) -> int:
    return _ORDER.index(section[0]) if section[0] in _ORDER else len(_ORDER)


def _word(value: Any, default: str) -> str:
    return value if isinstance(value, str) else default


def _help(text: str, dim: Callable[[str], str]) -> str:
    head, bracket, rest = text.partition(" [default")
    return f"{head} {dim('[default' + rest)}" if bracket else text


def _paint(style: int) -> Callable[[str], str]:
    return (lambda text: f"\033[{style}m{text}\033[0m") if coloured(sys.stdout) else str


SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH_MAX}
