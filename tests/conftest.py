"""A summary of the test files that took longest."""

from collections import defaultdict

import pytest

FILES = 10
LONG_S = 60.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the slowest files, set-up included, at the end of a run of more than a minute."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.partition("::")[0]] += report.duration
    if sum(seconds.values()) > LONG_S:
        terminalreporter.section(f"the {FILES} files that took longest")
        for file, duration in sorted(seconds.items(), key=lambda entry: -entry[1])[:FILES]:
            terminalreporter.write_line(f"{duration:6.0f} s  {file}")
