"""The code of a view: a digest of the source on which its rows depend, kept in the folder in which they are.

    NAME-vVERSION/code   the digest, in hex, of the code that began it

What other code has made stays in the view when its code changes and its version does not, so the view would
be a mixture of both. It is still served, because most changes make no difference; but it is named.

    counts          the class and its bases, without comments and docstrings; functions, classes and constants
                    of the application that these name, and those that these name …
    does not count  queries, which change no rows; other modules' code that is reached in another way
"""

import ast
import contextlib
import inspect
import linecache
import sys
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from engine.base.durable import read_note, replace_note
from engine.base.files import DISK, Files, set_aside
from engine.base.seals import SealBroken
from engine.snapshots.code import belongs

FILE = "code"
_CONSTANTS = (str, bytes, int, float, tuple, frozenset, type(None))
_Holder = ast.stmt | ast.excepthandler | ast.match_case  # in which a definition may be, as in an `if`
_Body = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def view_mark(view: type, *, queries: bool = False) -> str:
    """The digest for the class of a projection. `queries`: they count too, as they do where it is asked
    whether what could not be kept running has been mended."""
    digest = blake2b(digest_size=16)
    for name, source in sorted(_sources(view, queries).items()):
        digest.update(f"{name} {len(source)}\n{source}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def is_of_other_code(folder: Path, mark: str, begun: bool, files: Files = DISK) -> bool:
    """True if what is in a view's folder was made by code with another mark. `begun`: there is something in
    it. Otherwise, and where nothing is known, this mark is noted. Raises OSError."""
    with contextlib.suppress(FileNotFoundError, SealBroken):
        if (folder / FILE).is_dir():
            set_aside(folder / FILE)
        kept = read_note(folder / FILE, files).decode().strip()
        if begun or kept == mark:
            return kept != mark
    replace_note(folder / FILE, mark.encode() + b"\n", files)
    return False


def _sources(view: type, queries: bool) -> dict[str, str]:
    """Name → source, of everything that counts."""
    root = view.__module__.partition(".")[0]
    sources: dict[str, str] = {}
    files = _Files()
    waiting: list[tuple[str, Any]] = [("", view)]
    while waiting:
        name, thing = waiting.pop()
        if isinstance(thing, _CONSTANTS):
            if name not in sources:  # it may be a table of thousands of numbers, named many times
                sources[name] = repr(thing)
            continue
        name = f"{thing.__module__}.{thing.__qualname__}"
        if name in sources or not belongs(thing.__module__, root):
            continue
        tree = _tree(thing, queries, files)
        sources[name] = ast.unparse(tree)
        waiting += _named(tree, sys.modules[thing.__module__], root)
        if isinstance(thing, type):
            waiting += [("", base) for base in thing.__bases__]
    return sources


class _Files:
    """The files in which classes and functions are, each parsed once: `inspect` does so for every class."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}
        self._spans: dict[str, dict[str, list[tuple[int, int]]]] = {}

    def source(self, thing: Any) -> str:
        """The source of a class or function, with its decorators. Raises OSError, TypeError or SyntaxError if
        there is none."""
        file = inspect.getsourcefile(thing) or inspect.getfile(thing)
        if file not in self._spans:
            linecache.checkcache(file)
            self._lines[file] = linecache.getlines(file, vars(sys.modules[thing.__module__]))
            self._spans[file] = _spans(ast.parse("".join(self._lines[file])))
        spans = self._spans[file].get(thing.__qualname__, [])
        if len(spans) != 1 or hasattr(thing, "__wrapped__"):  # which of them it is, `inspect` may know
            return "".join(inspect.getsourcelines(thing)[0])
        ((first, last),) = spans
        return "".join(self._lines[file][first - 1 : last])


def _spans(tree: ast.Module) -> dict[str, list[tuple[int, int]]]:
    """Qualified name → (first line, last line) of each class and function of that name."""
    spans: dict[str, list[tuple[int, int]]] = {}
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
                spans.setdefault(prefix + child.name, []).append((first, child.end_lineno or first))
                inside = "." if isinstance(child, ast.ClassDef) else ".<locals>."
                waiting.append((prefix + child.name + inside, child))
            elif isinstance(child, _Holder):
                waiting.append((prefix, child))
    return spans


def _tree(thing: Any, queries: bool, files: _Files) -> ast.Module:
    """The source of a class or function, without what makes no difference."""
    try:
        tree = ast.parse(inspect.cleandoc("\n" + files.source(thing)))
    except (OSError, TypeError, SyntaxError):  # there is none, as in an archive; the name alone has to do
        return ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, _Body):
            node.body = [one for one in node.body if not _is_idle(one, thing, queries)] or [ast.Pass()]
    return tree


def _is_idle(statement: ast.stmt, owner: Any, queries: bool) -> bool:
    if not queries and isinstance(statement, ast.FunctionDef) and isinstance(owner, type):
        return hasattr(getattr(owner, statement.name, None), "__query__")
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _named(tree: ast.Module, module: ModuleType, root: str) -> Iterator[tuple[str, Any]]:
    """(name, thing) of what a source names in its module, or in modules that this one names."""
    for node in ast.walk(tree):
        home, attribute = module, ""
        if isinstance(node, ast.Name):
            attribute = node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found = vars(module).get(node.value.id)
            if not isinstance(found, ModuleType) or not belongs(found.__name__, root):
                continue
            home, attribute = found, node.attr
        thing = vars(home).get(attribute)
        if attribute in vars(home) and isinstance(thing, (type, FunctionType, *_CONSTANTS)):
            yield f"{home.__name__}.{attribute}", thing
