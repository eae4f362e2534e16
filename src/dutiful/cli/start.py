"""Where the process starts: imports the command line only when Ctrl-C is seen to."""

from dutiful.cli.interrupt import hold, leave


def main() -> None:
    """Run the command line of this process."""
    try:
        hold()
    except KeyboardInterrupt:
        leave()
    from dutiful.cli.main import main as run

    run()
