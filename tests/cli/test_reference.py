"""The reference page, and what every command has in common."""

import subprocess
import sys

import typer.main

from dutiful.cli.main import app
from dutiful.cli.manual import commands
from dutiful.cli.reference import cli_markdown

OWN_OPTIONS = ("bench", "copy", "demo", "watch", "worker")


def test_every_command_and_option_is_on_the_page() -> None:
    page = cli_markdown()
    for path, command in commands(typer.main.get_command(app)):
        assert f"# dutiful {' '.join(path)}\n" in page
        for option in command.params:
            assert option.param_type_name == "argument" or option.opts[0] in page


def test_commands_share_their_options() -> None:
    for path, command in commands(typer.main.get_command(app)):
        if not hasattr(command, "commands") and path[0] not in (
            "bench",
            "copy",
            "demo",
            "watch",
            "worker",
        ):
            names = {name for option in command.params for name in option.opts}
            assert {"--url", "--app", "--json"} <= names, path


def test_help_does_not_import_what_it_does_not_need() -> None:
    code = (
        "import sys; from dutiful.cli import main; "
        "print([name for name in ('rich', 'dutiful.cli.worker', 'dutiful.worker', 'sqlite3',"
        " 'dutiful.cli.demo', 'dutiful.demo', 'dutiful.bench', 'markdown_it')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
