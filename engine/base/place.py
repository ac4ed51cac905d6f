"""A place on the disk as a person names it, with `~` for a home."""

import os
from pathlib import Path

from engine.base.errors import ConfigError


def expanded(path: "str | os.PathLike[str]") -> Path:
    """The path, with `~` replaced. ConfigError if there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError("there is no such home", path=path) from None
