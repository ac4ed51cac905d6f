"""The terminal: labelled lines, tables that know how wide a character is, and a progress bar."""

import shutil
import sys
import time
import unicodedata
from collections.abc import Sequence

from engine.cli.printing import envelope

LABEL = 12
BAR = 20
PLAIN_S = 2.0  # between two lines of progress where no bar can be drawn


class _Speech:
    as_json = False


def speak_json() -> None:
    """From now on the story is lines of JSON, in the schema of every command."""
    _Speech.as_json = True


def say(label: str, text: str = "") -> None:
    """One line of the story on standard output."""
    if not _Speech.as_json:
        print(f"{label:<{LABEL}}{text}".rstrip(), flush=True)
    elif text:
        print(envelope({"label": label, "text": text}, []), flush=True)


def block(lines: Sequence[str]) -> None:
    """Lines below a labelled one."""
    for line in lines:
        say("", line)
    say("")


def width(text: str) -> int:
    """The width of a text in columns; Chinese characters take two."""
    return sum([2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text])


def table(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Aligned lines, a rule below the headings; the first `left` columns to the left, others right."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = []
        for column, (text, wide) in enumerate(zip(row, widths, strict=True)):
            space = " " * (wide - width(text))
            cells.append(text + space if column < left else space + text)
        lines.append("   ".join(cells))
    lines.insert(1, "─" * (sum(widths) + 3 * (len(widths) - 1)))
    return lines


class Progress:
    """On standard error: a bar drawn over itself on a terminal, elsewhere a plain line now and then."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._drawn = sys.stderr.isatty()
        self._plain_at = time.monotonic() + PLAIN_S

    def show(self, share: float, text: str) -> None:
        """`share`: how much is done, 0 to 1."""
        share = min(1.0, share)
        if self._drawn:
            full = round(share * BAR)
            line = f"{self._label:<{LABEL}}{'█' * full}{'░' * (BAR - full)} {share:4.0%}  {text}"
            columns = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r{line[:columns]}\x1b[K")
            sys.stderr.flush()
        elif time.monotonic() >= self._plain_at:
            self._plain_at = time.monotonic() + PLAIN_S
            print(f"{self._label:<{LABEL}}{share:4.0%}  {text}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the bar away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
