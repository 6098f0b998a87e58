"""What every test shares: a quiet Ray, repeatable examples, and no silent skip in continuous integration."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

BENCH = Path(__file__).parent / "bench"
NEVER_SKIPPED_IN_CI = ("ray", "browser")

os.environ.pop("RAY_ADDRESS", None)  # would join a cluster in place of starting one
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything under tests/bench measures, so it never runs beside other tests."""
    for item in items:
        if BENCH in item.path.parents:
            item.add_marker("bench")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """In CI a test that needs Ray or a browser fails where it would be skipped."""
    report = yield
    wanted = any(item.get_closest_marker(name) for name in NEVER_SKIPPED_IN_CI)
    if os.environ.get("CI") and report.skipped and wanted and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {report.longrepr}"
    return report
