"""What a command prints: text for people, or with --json one schema for programs.

    {"version": 1, "data": …, "diagnostics": [{"level", "code", "text", "hint", "facts"}]}

`data` is the answer of the command. `diagnostics` are its remarks, which people find on standard error. A
command with one answer prints one object; one that prints as it goes, such as `events`, prints a line for
each. An error is such an object on standard error, with `data` null.
"""

import json
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import argparse

VERSION = 1
HELP = "print JSON: version, data, diagnostics"


def add_json_option(parser: "argparse.ArgumentParser") -> None:
    """--json, which every command has."""
    parser.add_argument("--json", action="store_true", help=HELP)


def envelope(data: object, diagnostics: list[dict[str, object]]) -> str:
    """One line of JSON, in the one schema."""
    return json.dumps({"version": VERSION, "data": data, "diagnostics": diagnostics}, ensure_ascii=False)


def diagnostic(
    level: str, code: str, text: str, hint: str = "", facts: Mapping[str, object] | None = None
) -> dict[str, object]:
    """A remark. `level`: note, warning or error; `code`: stable, for programs; `hint`: what to do."""
    plain = {
        name: value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
        for name, value in (facts or {}).items()
    }
    return {"level": level, "code": code, "text": text, "hint": hint, "facts": plain}


class Printer:
    """The output of one command, by `with`, so that no remark is lost."""

    def __init__(self, options: "argparse.Namespace") -> None:
        self.as_json: bool = options.json
        self._remarks: list[dict[str, object]] = []

    def answer(self, data: object, text: str) -> None:
        """Prints the answer, or one of many; `text` is the same for people, and none if it is empty."""
        if self.as_json:
            print(envelope(data, self._taken()))
        elif text:
            print(text)

    def warn(self, code: str, text: str, hint: str = "", **facts: Any) -> None:
        """A remark: what an operator should know beside the answer. Comes before the answer that it is of."""
        if self.as_json:
            self._remarks.append(diagnostic("warning", code, text, hint, facts))
        else:
            from engine.base.log import rendered  # as the log has it; not for commands without remarks

            print(f"ringfold: {rendered(text, facts, hint)}", file=sys.stderr)

    def _taken(self) -> list[dict[str, object]]:
        remarks, self._remarks = self._remarks, []
        return remarks

    def _rest(self, stream: TextIO) -> None:
        if self._remarks:
            print(envelope(None, self._taken()), file=stream)

    def __enter__(self) -> "Printer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rest(sys.stdout if kind is None else sys.stderr)
