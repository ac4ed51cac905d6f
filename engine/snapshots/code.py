"""The code mark of a snapshot: a hash over the sources that the state of aggregates can depend on.

State is what appliers made of events. Other appliers might have made something else of them, so a snapshot
made by other code is not used. The files that count are the modules of aggregates, commands and events and
whatever they import, directly or not, if it belongs to the application and not to Python, its packages or the
engine. The defaults of commands count too, wherever they come from: clients leave them out, so a journaled
command is decided with those of today.
"""

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from engine.model.app import Engine
from engine.model.defaults import defaults_of

_NOT_OURS = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_ENGINE = ("engine", "ringbuffer")


def code_mark(app: Engine) -> str:
    """A hex digest that stays equal until something changes that state depends on, reference data
    and defaults of commands included."""
    first = "\n".join([app.name, app.fingerprint, *defaults_of(app.handlers), ""])
    digest = hashlib.blake2b(first.encode(), digest_size=16)
    for name, source in sorted(sources(app).items()):
        digest.update(b"%s %d\n%s" % (name.encode(), len(source), source))
    return digest.hexdigest()


def sources(app: Engine) -> dict[str, bytes]:
    """Module name → source, for every module that counts."""
    classes = (*app.aggregates, *app.handlers, *app.appliers, *app.messages)
    waiting = {cls.__module__ for cls in classes}
    roots = {name.partition(".")[0] for name in waiting}
    sources: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        path = getattr(module, "__file__", None)
        if name in sources or module is None or path is None or not _counts(name, path, roots):
            continue
        try:
            sources[name] = Path(path).read_bytes()
        except OSError:
            sources[name] = b"?"  # there is no source, as in an archive; the name alone has to do
            continue
        if path.endswith(".py"):
            waiting.update(_imports(module, sources[name]))
    return sources


def belongs(name: str, root: str) -> bool:
    """True if a module belongs to the application whose top package is `root`."""
    path = getattr(sys.modules.get(name), "__file__", None)
    return path is not None and _counts(name, path, {root})


def _counts(name: str, path: str, roots: set[str]) -> bool:
    top = name.partition(".")[0]
    return top not in _ENGINE and (top in roots or not path.startswith(_NOT_OURS))


def _imports(module: ModuleType, source: bytes) -> Iterator[str]:
    """The names that may be modules; `from a import b` gives both a and a.b."""
    package = (module.__package__ or "").split(".")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
