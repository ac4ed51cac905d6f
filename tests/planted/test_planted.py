"""The tests are tested: each planted bug is noticed by the tests that are named for it."""

import contextlib
import io

import pytest

from tests.planted.bugs import BUGS


class Failures:
    """The tests of an inner run that failed."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid.partition("[")[0])


def failing(*tests: str) -> set[str]:
    """Runs these tests in this process; returns those that fail."""
    failures = Failures()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*tests, "-q", "--no-header", "-p", "no:cacheprovider", "--tb=no"], plugins=[failures])
    return failures.failed


@pytest.mark.smoke
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, caught_by = BUGS[bug]
    plant(monkeypatch)
    assert failing(*caught_by) == {*caught_by}

