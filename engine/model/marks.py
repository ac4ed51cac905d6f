"""Marks: what decorators such as `@handles` note on the methods of a class, until the class is registered."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from engine.base.errors import ConfigError

Method = Callable[..., Any]
MARKS = {
    "__handles__": "aggregates",
    "__applies__": "aggregates",
    "__on__": "projections, process managers and workers",
    "__query__": "projections and workers",
    "__every__": "workers",
    "__refused__": "process managers",
}
"""attribute that a decorator sets → the classes whose methods it is for"""


def mark(method: Method, name: str, value: Any) -> None:
    """Sets what a decorator says of a method. ConfigError if it is marked already; one would win."""
    if any(one in vars(method) for one in MARKS):
        raise wrong(method, "is marked twice; write one method for each message")
    setattr(method, name, value)


def expect_named(decorator: str, *messages: Any) -> None:
    """ConfigError for a decorator that was written without its message, so that it was given the method."""
    for method in filter(inspect.isfunction, messages):
        raise wrong(method, f"is marked with @{decorator} alone; name the message, as in @{decorator}(X)")


def expect_marks(cls: type, kind: str, allowed: Sequence[str]) -> None:
    """ConfigError for a method with a mark that means nothing in this kind of class."""
    for name in dir(cls):
        method = getattr(cls, name, None)
        if not inspect.isfunction(method):
            continue
        for one, home in MARKS.items():
            if one in vars(method) and one not in allowed:
                raise wrong(method, f"is marked with @{one.strip('_')} in {kind}; that is for {home}")


def wrong(method: Method, text: str) -> ConfigError:
    """One line about a method, with its place."""
    return ConfigError(f"{method.__qualname__} {text}", at=place_of(method))


def place_of(method: Method) -> str:
    """`file:line` of a method, or of its first decorator."""
    code = inspect.unwrap(method).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def place_of_class(cls: type) -> str:
    """`file:line` of a class; the name of its module where the source cannot be read."""
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return cls.__module__
