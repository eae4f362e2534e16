"""Where the process starts: imports the command line only when Ctrl-C is seen to."""

from dutiful.cli.interrupt import hold


def main() -> None:
    """Run the command line of this process."""
    hold()
    from dutiful.cli.main import main as run

    run()
