"""Packages whose names are imported when used: light, and to a type checker the same as to Python."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.base.lazy_names import lazy_names

ROOT = Path(__file__).parents[4]
LAZY = ("engine", "engine.testing")
SELDOM = ("argparse", "asyncio", "difflib", "http", "logging", "nats", "numpy", "shutil", "ssl", "tomllib")
SPECIAL = ("builder", "gateway", "member", "standby")  # they take arguments, serve HTTP, speak with NATS
HEAVY = ("zmq", "lmdb", "numpy", "orjson", "psutil", "msgspec")


def modules_after(statement: str) -> set[str]:
    """The modules that a new interpreter has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    return set(loaded.split())


@pytest.mark.parametrize("package", [*LAZY, "engine.testing.plugin"])
def test_importing_the_package_imports_nothing_heavy(package: str) -> None:
    assert modules_after(f"import {package}").isdisjoint(HEAVY)


def test_a_client_needs_neither_lmdb_nor_numpy() -> None:
    loaded = modules_after("from engine import AsyncClient, Client, Receipt")
    assert loaded.isdisjoint({"lmdb", "numpy", "orjson", "psutil"})


def test_the_processes_of_a_node_start_without_what_few_of_them_ever_use() -> None:
    """Each of these costs every process of a node 3 to 30 ms, at every start and after every kill."""
    names = sorted(path.stem for path in (ROOT / "engine" / "processes").glob("[a-z]*.py"))
    alone = [name for name in names if name not in SPECIAL and not name.startswith("cluster_")]
    assert {"core", "input", "output", "projector", "reader", "snapshotter"} < set(alone)
    loaded = modules_after(f"import {', '.join(f'engine.processes.{name}' for name in alone)}")
    assert loaded.intersection(SELDOM) == set()


@pytest.mark.parametrize("package", LAZY)
def test_all_the_table_and_the_imports_for_type_checkers_name_the_same(package: str) -> None:
    module: Any = importlib.import_module(package)
    table = [(home, name) for home, names in module._HOMES.items() for name in names]
    checked = [
        (statement.module, alias.name)
        for block in ast.parse(Path(module.__file__).read_text()).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in ast.walk(block)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    ]
    assert sorted(table) == sorted(checked)
    assert sorted(name for _, name in table) == sorted(module.__all__)


@pytest.mark.parametrize("package", LAZY)
def test_every_name_is_there_and_listed(package: str) -> None:
    module: Any = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert set(module.__all__) <= set(dir(module))


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    module: Any = importlib.import_module("engine")
    with pytest.raises(AttributeError, match="module 'engine' has no attribute 'Enigne'"):
        _ = module.Enigne


def test_what_breaks_in_the_module_of_a_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_home.py").write_text("import json\njson.no_such_name\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    getattr_, _ = lazy_names("engine", {"broken_home": ("Thing",)})
    with pytest.raises(ImportError, match="Thing cannot be imported: module 'json' has no attribute"):
        getattr_("Thing")
