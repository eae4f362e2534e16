"""No test is skipped in silence: a skip names a declaration or a peer, or it is a failure."""

import faulthandler
import signal
import sys
from collections.abc import Generator

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import HealthCheck, settings

# How fast a machine draws examples says nothing of the code, and a busy one is slow at times.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# nohup lets a process ignore hangups, and a shell lets its background processes ignore interrupts.
# The processes that tests start would inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DECLARED = ("capability:", "lease owner:", "attempt counter:", "bound:", "clock:", "peer:")
TIDY_SECONDS = 120
"""How long what a test leaves may take to be put away."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """End a process that hangs after its test, with all stacks: the time limit rings only once.

    ``faulthandler_timeout`` is there for that, but pytest disarms it when a test fails.
    """
    file = item.config.stash.get(fault_handler_stderr_fd_key, sys.__stderr__)
    faulthandler.dump_traceback_later(TIDY_SECONDS, file=file, exit=True)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End a process that hangs after its last test, such as in a thread that never ends.

    A process of a parallel run waits for the others, and is ended by the first.
    """
    if hasattr(config, "workerinput"):
        return
    faulthandler.dump_traceback_later(TIDY_SECONDS, file=sys.__stderr__, exit=True)


def undeclared(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Return the reason of a skip that names neither a declaration of an engine nor a peer."""
    if not report.skipped:
        return None
    reason = getattr(report, "wasxfail", None)
    if reason is None:
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        reason = text.removeprefix("Skipped: ")
    reason = reason.removeprefix("reason: ")
    return None if reason.startswith(DECLARED) else reason


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn an undeclared skip of one test into its failure."""
    report = yield
    fail_undeclared(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn an undeclared skip of a whole file into its failure."""
    report = yield
    fail_undeclared(report)
    return report


def fail_undeclared(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make the report a failure when it hides an undeclared skip."""
    if (reason := undeclared(report)) is not None:
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)  # pytest forgives every failure that carries it
        report.longrepr = (
            f"undeclared skip: {reason!r}. A skip must start with one of {', '.join(DECLARED)}"
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, even when none was."""
    stats = terminalreporter.stats
    count = len(stats.get("skipped", ())) + len(stats.get("xfailed", ()))
    terminalreporter.write_line(f"Skipped for a declared reason: {count}")
