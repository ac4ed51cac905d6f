"""The two files that may contain settings: one that is named, and the project's own.

node.toml        [ringfold]         named with --config
pyproject.toml   [tool.ringfold]    read where it lies in the working directory
"""

from pathlib import Path
from typing import Any

from engine.base.errors import ConfigError

PROJECT_FILE = "pyproject.toml"


def named_table(path: str | Path) -> dict[str, Any]:
    """The table [ringfold] of a file. Raises ConfigError if it has none."""
    table = _document(Path(path)).get("ringfold")
    if not isinstance(table, dict):
        raise ConfigError("the configuration file has no table [ringfold]", path=path)
    return table


def project_table(folder: str | Path = ".") -> dict[str, Any]:
    """The table [tool.ringfold] of the project in a folder; empty where there is no such table."""
    path = Path(folder) / PROJECT_FILE
    if not path.is_file():
        return {}
    table = _document(path).get("tool", {}).get("ringfold", {})
    if not isinstance(table, dict):
        raise ConfigError("tool.ringfold is not a table", path=path)
    return table


def _document(path: Path) -> dict[str, Any]:
    import tomllib  # not for each process of a node, which reads no such file

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the configuration file cannot be read", path=path, error=error) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("the configuration file is not TOML", path=path, error=error) from None
