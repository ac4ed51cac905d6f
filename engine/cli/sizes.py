"""A number of bytes as people write and read it."""

import argparse
import re

UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def size_of(text: str) -> int:
    """The bytes of `10GiB`. Raises ArgumentTypeError."""
    if match := re.fullmatch(r"(\d{1,18})(KiB|MiB|GiB|TiB|)", text):
        return int(match[1]) * UNITS[match[2]]
    raise argparse.ArgumentTypeError(f"{text!r} is not a size, as 4096, 256MiB, 10GiB are")


def size_text(count: int) -> str:
    """To one decimal, in the largest unit that leaves at least one: `1.5 GiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count >= UNITS[unit]:
            return f"{count / UNITS[unit]:.1f} {unit}"
    return f"{count} bytes"
