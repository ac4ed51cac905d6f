"""Names of a package that are imported when they are first used.

    if not TYPE_CHECKING:  # a type checker reads the imports above
        __getattr__, __dir__ = lazy_names(__name__, {"engine.model.app": ("Engine",), …})

A client then needs no LMDB and `--help` no NumPy, though one package offers all names.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` (PEP 562) of a package. `homes`: its names, by defining module."""
    home_of = {name: module for module, names in homes.items() for name in names}
    namespace = vars(sys.modules[package])

    def getattr_(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value = getattr(importlib.import_module(home_of[name]), name)
        except AttributeError as error:  # `from x import y` would only say that there is no y
            raise ImportError(f"{package}.{name} cannot be imported: {error}") from error
        namespace[name] = value  # the next look finds it without coming here
        return value

    def dir_() -> list[str]:
        return sorted({*namespace, *home_of})

    return getattr_, dir_
