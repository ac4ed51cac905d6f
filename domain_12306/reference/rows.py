"""The rows of a reference file: UTF-8, with or without the mark that spreadsheets put before it,
comma-separated, without a header.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import ConfigError


@contextmanager
def rows_of(path: str | Path, what: str) -> Iterator[Iterator[list[str]]]:
    """The rows, to be read within the `with`. ConfigError if that fails. `what`: "the timetable"."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            yield csv.reader(file)
    except OSError as error:
        raise ConfigError(f"cannot read {what}", path=path, reason=error.strerror) from None
    except csv.Error as error:
        raise ConfigError(f"cannot read {what}", path=path, reason=error) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} is not UTF-8", path=path, offset=error.start) from None
