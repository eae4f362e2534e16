"""Lets ``python -m dutiful`` do what the ``dutiful`` script does."""

from dutiful.cli.start import main

if __name__ == "__main__":
    main()
