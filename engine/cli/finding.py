"""Finding the application that is being developed, without running it: its code may be wrong just now."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.base.errors import ConfigError

FILES = ("app.py", "main.py")
ATTRIBUTES = ("app", "application", "create", "create_app")
HINT = "name it: `ringfold dev FILE.py`, or app in [tool.ringfold] of pyproject.toml"


class Found(NamedTuple):
    """An application. `reference`: its name, as --app has it; `root`: the folder of its module."""

    reference: str
    root: Path


def find_app(named: str, folder: Path) -> Found:
    """The application that is named: a file, a module, or MODULE:NAME; if nothing is, that of app.py or
    main.py in the folder. Raises ConfigError."""
    file, _, attribute = named.partition(":")
    if not file:
        for name in FILES:
            if (folder / name).is_file():
                return _in_file(folder / name, "")
        raise ConfigError("there is no application here", path=folder, looked_for=", ".join(FILES), hint=HINT)
    if file.endswith(".py"):
        return _in_file(folder / file, attribute)
    if attribute:
        return Found(named, folder)
    base = folder.joinpath(*file.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return Found(f"{file}:{_attribute_of(path)}", folder)
    raise ConfigError("there is no such module here", module=file, path=folder, hint=HINT)


def _in_file(path: Path, attribute: str) -> Found:
    if not path.is_file():
        raise ConfigError("there is no such file", path=path, hint=HINT)
    names, root = [path.stem], path.absolute().parent
    while (root / "__init__.py").is_file():  # it is part of a package
        names.insert(0, root.name)
        root = root.parent
    if names[-1] == "__init__":
        names.pop()
    return Found(f"{'.'.join(names)}:{attribute or _attribute_of(path)}", root)


def _attribute_of(path: Path) -> str:
    """The name of the application in a file: one that is usual, otherwise the one that is an Engine. A file
    that cannot be parsed is taken for one with the usual name, so that a start says what is wrong with it."""
    try:
        body = ast.parse(path.read_text()).body
    except (SyntaxError, ValueError):
        return ATTRIBUTES[0]
    there = dict(_assigned(body))
    for name in ATTRIBUTES:
        if name in there:
            return name
    engines = [name for name, value in there.items() if isinstance(value, ast.Call) and _is_engine(value)]
    if len(engines) == 1:
        return engines[0]
    hint = f"name it: {path.name}:NAME"
    raise ConfigError("there is no application in this file", path=path, hint=hint)


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    """(name, value) of what a module has at its top; None for what is imported or a function."""
    for statement in body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.value
        elif isinstance(statement, ast.FunctionDef):
            yield statement.name, None
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                yield alias.asname or alias.name, None


def _is_engine(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name == "Engine"
