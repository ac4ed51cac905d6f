"""The node of `dev`: `serve` as a child that is started and stopped again and again, and what it says."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import RingfoldError
from engine.base.parent import CALLER, NEXT
from engine.cli.finding import Found
from engine.node.child import environment
from engine.node.endpoints import Announced, Endpoints

STOP_S = 15.0
LINE = re.compile(r"\S+Z (?P<level>\w+) (?P<process>\S+) (?P<code>\S+) ")
INFO = "info"
OF_APPLICATION = "app.output"  # what it prints
CONTINUED = "    "  # a line that belongs to the one before, as those of a traceback do


class _Diagnostic(msgspec.Struct):
    """Why `serve` ended, as it is said to programs."""

    text: str
    hint: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        return str(RingfoldError(self.text, hint=self.hint, **self.facts))


class _Line(msgspec.Struct):
    """A line that is JSON: of the log, or the last one of `serve`."""

    level: str = ""
    code: str = ""
    diagnostics: list[_Diagnostic] = []


class DevNode:
    """One node after the other on the same data. `say`: is told what a developer wants to see of its log,
    all of which goes into a file."""

    def __init__(
        self, found: Found, data: Path, flags: Sequence[str], log: Path, say: Callable[[str], None]
    ) -> None:
        self.log = log
        self._found, self._say = found, say
        self._place = [f"--data={data}", f"--app={found.reference}"]
        self._flags = list(flags)
        self._process: subprocess.Popen[bytes] | None = None
        self._echo: threading.Thread | None = None
        log.write_bytes(b"")

    def start(self) -> Endpoints | None:
        """Starts it, and waits until it is ready. None if it ended instead, and said why. One that still runs
        is stopped meanwhile: the next one loads until the directory is free."""
        after = {} if self._process is None else {NEXT: "1"}
        process = self.run("serve", "--json", *self._flags, stderr=subprocess.PIPE, more=after)
        assert process.stdout is not None
        assert process.stderr is not None
        echo = threading.Thread(target=self._pass_on, args=(process.stderr,), daemon=True)
        echo.start()
        self.stop()
        self._process, self._echo = process, echo
        rest = b""
        while True:
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                self.stop()
                return None
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                with contextlib.suppress(*NOT_DECODABLE):
                    return msgspec.json.decode(line, type=Announced).data

    def run(
        self, command: str, *flags: str, stderr: int | None = None, more: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Another command of the command line, on the same application and data."""
        folders = [str(self._found.root), environment()["PYTHONPATH"]]
        return subprocess.Popen(
            [sys.executable, "-m", "engine", command, *self._place, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            process_group=0,  # Ctrl-C is for this process, which stops the node
            env={
                **environment(),
                CALLER: str(os.getpid()),
                "PYTHONPATH": os.pathsep.join(folders),
                **(more or {}),
            },
        )

    @property
    def ended(self) -> bool:
        """True if it is not running."""
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        """Stops it in order; kills it if that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._echo is not None:
            self._echo.join(1.0)
        if process.stdout is not None:
            process.stdout.close()

    def _pass_on(self, lines: IO[bytes]) -> None:
        """Writes the log into its file, and says what is not only information."""
        wanted = False
        with lines, self.log.open("ab", buffering=0) as file:
            for line in lines:
                file.write(line)
                text = line.decode(errors="backslashreplace").rstrip("\n")
                shown = text if text.startswith(CONTINUED) and wanted else shown_of(text)
                wanted = bool(shown)
                if shown:
                    self._say(shown)


def shown_of(line: str) -> str:
    """What a developer wants to see of a line of the log: warnings, errors, and what the application prints;
    otherwise empty."""
    with contextlib.suppress(*NOT_DECODABLE):
        told = msgspec.json.decode(line, type=_Line)
        if told.diagnostics:
            return "; ".join(str(one) for one in told.diagnostics)
        return line if told.level != INFO or told.code == OF_APPLICATION else ""
    if line.startswith(CONTINUED):
        return ""
    match = LINE.match(line)
    return line if match is None or match["level"] != INFO or match["code"] == OF_APPLICATION else ""
