"""Where the process starts: imports the command line only when Ctrl-C is seen to."""

from dutiful.cli.interrupt import hold, leave
from dutiful.worker.isolation.standard import open_standard


def main() -> None:
    """Run the command line of this process."""
    open_standard()
    try:
        hold()
    except KeyboardInterrupt:
        leave()
    from dutiful.cli.main import main as run

    run()
