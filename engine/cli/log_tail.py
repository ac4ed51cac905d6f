"""The end of a log as people read it: what is repeated stands once, where it was last, with its count.

    37 × 2026-03-01T09:30:00Z info projector-sales node.starting … (since 2026-03-01T09:29:24Z)

Two entries are the same if they differ in times, numbers and ids alone. A traceback that has been shown is
not shown again under another line.
"""

import re
from collections.abc import Iterator, Sequence

_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?")
_VARIES = re.compile(r"(?=[\w-]*\d)[\w-]+")  # a word with a digit in it
_SAME_TRACE = "    (the traceback that stands above)"


def collapsed(lines: Sequence[str], most: int) -> list[str]:
    """The last entries that fit into so many lines."""
    last: dict[str, tuple[list[str], int, str]] = {}
    for entry in _entries(lines):
        kind = _VARIES.sub("#", _TIME.sub("", "\n".join(entry)))
        _, count, since = last.pop(kind, ((), 0, ""))
        time = _TIME.search(entry[0])
        last[kind] = entry, count + 1, since or (time[0] if time else "")
    shown: list[str] = []
    traces: set[str] = set()
    for (head, *trace), count, since in last.values():
        times = f"{count:,} × {head}" + (f" (since {since})" if since else "")
        told = [times if count > 1 else head]
        text = _VARIES.sub("#", "\n".join(trace))
        shown += [*told, *([_SAME_TRACE] if text in traces else trace)] if trace else told
        traces.add(text)
    return shown[-most:] if most else []


def _entries(lines: Sequence[str]) -> Iterator[list[str]]:
    """A line and what is indented under it."""
    entry: list[str] = []
    for line in lines:
        if entry and not line.startswith(" "):
            yield entry
            entry = []
        entry.append(line)
    if entry:
        yield entry
