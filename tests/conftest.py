"""No test is skipped in silence: a skip names a missing capability or peer, or it is a failure."""

import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine draws examples says nothing of the code, and a busy one is slow at times.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Under nohup, workers that tests start would inherit that a hangup asks for nothing.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

DECLARED = ("capability:", "peer:")


def undeclared(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Return the reason of a skip that names neither a capability nor a peer."""
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
