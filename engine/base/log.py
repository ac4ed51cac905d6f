"""The log of a node: lines to standard error, each with time, level, process and a stable code.

    text   2026-03-01T09:30:00.125Z warning core-0 core.handler-bug the handler failed (command=019a…)
               Traceback (most recent call last):
                 …
    json   {"time":"…","level":"warning","process":"core-0","code":"core.handler-bug","text":"…",
            "facts":{"command":"019a…"},"hint":"…","runbook":"docs/…","trace":"Traceback …"}

Rooms are handed a `Log` and know nothing of formats. Ids and other text of clients go into the facts. None
can forge a line: what is not printable is escaped, and only a traceback has more than one line, indented.
"""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from engine.base.errors import RingfoldError
from engine.base.log_codes import Code
from engine.base.runbook import CODE_PAGES, EXIT_PAGES, hint_at, see
from engine.base.standard_error import STANDARD_ERROR, standard_error

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

QUOTED = frozenset(" ,=()\"'")


class Log(Protocol):
    """Where a part of the node says what an operator may want to know.

    `facts` are what a line is about, by name; `hint` is what to do; `trace` a traceback.
    """

    def __call__(self, code: Code, text: str, /, *, hint: str = "", trace: str = "", **facts: object) -> None:
        """One line. It never raises."""


class LineLog:
    """The log of one process, in the format of the setting `log_format`."""

    def __init__(self, process: str, log_format: str = "text") -> None:
        self._process, self._as_json = process, log_format == "json"

    def __call__(self, code: Code, text: str, /, *, hint: str = "", trace: str = "", **facts: object) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        hint = hint_at(code, hint)
        if self._as_json:
            line = json_line(now, self._process, code, text, facts, hint, trace)
        else:
            told = rendered(text, facts, hint, trace)
            line = f"{now} {code.level} {printable(self._process)} {code.text} {told}"
        write_line(line)


class KeptLog(list[str]):
    """A log that keeps its lines, as text without time, level and code, for tests and the inline engine."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[Code] = []
        """of the lines, in their order"""

    def __call__(self, code: Code, text: str, /, *, hint: str = "", trace: str = "", **facts: object) -> None:
        self.codes.append(code)
        self.append(rendered(text, facts, hint, trace))


def no_log(code: Code, text: str, /, *, hint: str = "", trace: str = "", **facts: object) -> None:
    """A log that keeps nothing."""


def log_error(log: Log, code: Code, error: RingfoldError) -> None:
    """Logs an error with its facts; one that ends a process, with the page of its exit code."""
    facts: Any = error.facts
    page = EXIT_PAGES[error.exit_code] if code is Code.PROCESS_FAILED else None
    log(code, error.message, hint=see(error.hint, page), **facts)


def rendered(text: str, facts: Mapping[str, object], hint: str = "", trace: str = "") -> str:
    """A line as people read it; a traceback follows in lines of its own, indented."""
    told = printable(text)
    if facts:
        told += f" ({', '.join(f'{name}={_fact(value)}' for name, value in facts.items())})"
    if hint:
        told += f"; {printable(hint)}"
    return "\n    ".join([told, *map(printable, trace.splitlines())])


def json_line(
    time: str, process: str, code: Code, text: str, facts: Mapping[str, object], hint: str, trace: str
) -> str:
    """A line as programs read it. What it does not have is left out: `facts`, `hint`, `runbook`, `trace`."""
    line: dict[str, object] = {"time": time, "level": code.level, "process": process, "code": code.text}
    line["text"] = text
    if facts:
        line["facts"] = {name: _plain(value) for name, value in facts.items()}
    page = CODE_PAGES[code].path if code in CODE_PAGES else ""
    rest = (("hint", hint), ("runbook", page), ("trace", trace))
    line |= {name: value for name, value in rest if value}
    return json.dumps(line)  # in ASCII: whatever is in it, it is one line


def printable(text: str) -> str:
    """The text with control characters, line breaks and the like escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_line(text: str) -> None:
    """Writes a line at once. If it cannot be written (a full disk, a reader that left or does not read) it is
    lost, because a log must not end the work that it reports, least of all while the node waits for room."""
    standard_error.write(f"{text}\n".encode(errors="backslashreplace"))


def output_as_log(log: Log) -> io.TextIOWrapper:
    """A text file that logs every line written to it: for `sys.stdout` and `sys.stderr`, where an application
    may print what it likes."""
    return io.TextIOWrapper(io.BufferedWriter(_Lines(log)), "utf-8", "backslashreplace", line_buffering=True)


class _Lines(io.RawIOBase):
    """Takes bytes, gives whole lines to the log."""

    def __init__(self, log: Log) -> None:
        self._log, self._rest = log, b""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return STANDARD_ERROR  # of the processes that inherit it

    def write(self, data: "Buffer", /) -> int:
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        for line in lines:
            self._say(line)
        return memoryview(data).nbytes

    def close(self) -> None:
        if self._rest and not self.closed:
            self._say(self._rest)
            self._rest = b""
        super().close()

    def _say(self, line: bytes) -> None:
        self._log(Code.APP_OUTPUT, line.decode(errors="backslashreplace"))


def _fact(value: object) -> str:
    text = printable(str(value))
    return '"' + text.replace('"', '\\"') + '"' if QUOTED.intersection(text) or not text else text


def _plain(value: object) -> object:
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
