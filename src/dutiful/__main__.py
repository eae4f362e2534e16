"""Lets ``python -m dutiful`` do what the ``dutiful`` script does."""

from dutiful.cli.main import main

if __name__ == "__main__":
    main()
