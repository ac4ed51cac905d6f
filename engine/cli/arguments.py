"""A parser of arguments whose complaints are errors like all others: one line, and exit code 2."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from engine.base.errors import ConfigError


class ArgumentParser(argparse.ArgumentParser):
    """`--help` prints what argparse would print above an error."""

    _has_commands = False

    def add_subparsers(self, **more: Any) -> Any:
        """Commands of the command; options then belong to one of them."""
        self._has_commands = True
        return super().add_subparsers(**more)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options. They may stand between the arguments: `query notes --data x titles`."""
        return self.parse_args(arguments) if self._has_commands else self.parse_intermixed_args(arguments)

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, hint=f"`{self.prog} --help` shows what there is")
