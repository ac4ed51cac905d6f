"""What a developer sees of the log of a node."""

import pytest

from engine.cli.dev_node import shown_of

AT = "2026-11-26T07:12:53.123Z"
PRINTED = '{"time":"t","level":"info","process":"core-0","code":"app.output","text":"hello"}'
FAILED = (
    '{"version": 1, "data": null, "diagnostics": [{"level": "error", "code": "config", '
    '"text": "it is wrong", "hint": "mend it", "facts": {"at": "app.py:3"}}]}'
)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"{AT} info supervisor node.ready ready (pid=1)", False),
        (f"{AT} info core-0 app.output hello", True),
        (f"{AT} warning core-0 core.handler-bug the handler failed", True),
        (f"{AT} error supervisor node.gives-up it ended", True),
        ("Segmentation fault", True),
        ("    of the line before", False),
        ('{"time":"t","level":"info","process":"input","code":"node.ready","text":"ready"}', False),
        (PRINTED, True),
    ],
)
def test_information_is_for_the_file(line: str, shown: bool) -> None:
    assert shown_of(line) == (line if shown else "")


def test_why_it_cannot_start_is_one_line() -> None:
    assert shown_of(FAILED) == "it is wrong (at=app.py:3); mend it"
