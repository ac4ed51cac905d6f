"""Which code made a snapshot: a hash over the sources that the state of aggregates can depend on.

State is what appliers made of events. Other appliers might have made something else of them, so a snapshot
of other code is not used. Which files count: the modules of aggregates and events, and all that they
import, step by step, as far as it belongs to the application and not to Python, its packages or the engine.
"""

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from engine.model.app import Engine

_NOT_OURS = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_ENGINE = ("engine", "ringbuffer")


def code_mark(app: Engine) -> str:
    """Hex digest; equal as long as nothing changed that state depends on, reference data included."""
    digest = hashlib.blake2b(f"{app.name}\n{app.fingerprint}\n".encode(), digest_size=16)
    for name, source in sorted(sources(app).items()):
        digest.update(b"%s %d\n%s" % (name.encode(), len(source), source))
    return digest.hexdigest()


def sources(app: Engine) -> dict[str, bytes]:
    """Module name → its source, of every module that counts."""
    waiting = {cls.__module__ for cls in (*app.aggregates, *app.appliers, *app.messages)}
    roots = {name.partition(".")[0] for name in waiting}
    found: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        path = getattr(module, "__file__", None)
        if name in found or module is None or path is None or not _counts(name, path, roots):
            continue
        try:
            found[name] = Path(path).read_bytes()
        except OSError:
            found[name] = b"?"  # no source, such as in an archive: its name alone must do
            continue
        if path.endswith(".py"):
            waiting.update(_imports(module, found[name]))
    return found


def _counts(name: str, path: str, roots: set[str]) -> bool:
    top = name.partition(".")[0]
    return top not in _ENGINE and (top in roots or not path.startswith(_NOT_OURS))


def _imports(module: ModuleType, source: bytes) -> Iterator[str]:
    """Names that may be modules: of `from a import b`, both a and a.b."""
    package = (module.__package__ or "").split(".")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
