"""What every test shares: a quiet Ray, repeatable examples, and no silent skip in continuous integration."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

NEVER_SKIPPED_IN_CI = ("ray", "browser")

os.environ.pop("RAY_ADDRESS", None)  # would join a cluster in place of starting one
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}


@pytest.fixture(scope="session", autouse=True)
def _studies(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Studies that name no folder go to a temporary one, of each process of the tests."""
    os.environ["TWIN_STUDIES"] = str(tmp_path_factory.mktemp("studies"))


settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, or one worker would be busy when the others have finished."""
    slow = {item.path for item in items if any(item.get_closest_marker(name) for name in ("ray", "slow"))}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def _start_ray() -> Iterator[Callable[[], None]]:
    from twin.simulation import on_ray

    with ExitStack() as opened:
        yield lambda: opened.enter_context(on_ray.cluster(None, 4))


@pytest.fixture(autouse=True)
def _one_ray(request: pytest.FixtureRequest) -> None:
    """Tests marked ``ray`` share one local Ray of four processors; ``ray(own=True)`` start their own."""
    marker = request.node.get_closest_marker("ray")
    if marker and not marker.kwargs.get("own"):
        request.getfixturevalue("_start_ray")()
    elif marker:
        import ray

        ray.shutdown()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """In CI a test that needs Ray or a browser fails where it would be skipped."""
    report = yield
    wanted = any(item.get_closest_marker(name) for name in NEVER_SKIPPED_IN_CI)
    if os.environ.get("CI") and report.skipped and wanted and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {report.longrepr}"
    return report
