"""The end of a log has what is repeated once."""

from engine.cli.log_tail import collapsed

TRACE = ["    Traceback (most recent call last):", "    ValueError: no"]


def line(second: int, text: str) -> str:
    return f"2026-03-01T09:30:{second:02}.125Z info supervisor {text}"


def test_what_is_repeated_stands_once_where_it_was_last() -> None:
    lines = [line(0, "node.ready at work")]
    lines += [line(k, f"node.starting process (pid={100 + k})") for k in range(1, 38)]
    assert collapsed(lines, 40) == [
        lines[0],
        f"37 × {lines[-1]} (since 2026-03-01T09:30:01.125Z)",
    ]


def test_lines_that_differ_in_a_word_are_different() -> None:
    lines = [line(1, "a stopped"), line(2, "b stopped"), line(3, "c stopped")]
    assert collapsed(lines, 2) == lines[1:]
    assert collapsed(lines, 0) == []


def test_a_traceback_goes_with_its_line_and_is_shown_once() -> None:
    lines = [line(1, "failed (aggregate=order-1)"), *TRACE, line(2, "failed (aggregate=order-2)"), *TRACE]
    assert collapsed(lines, 9) == [f"2 × {lines[3]} (since 2026-03-01T09:30:01.125Z)", *TRACE]
    other = [line(1, "failed"), *TRACE, line(2, "failed otherwise"), *TRACE]
    assert collapsed(other, 9) == [*other[:4], "    (the traceback that stands above)"]
