"""The walls of the house: imports point one way, and the engine names no train."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ["ringbuffer", "engine", "domain_12306"]  # a package may import those to its left


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))

ROOMS = ["messages", "seating", "reference", "rules", "aggregates", "views", "workers"]  # of the railway

FLOORS = [  # of the engine, from the ground up: a package may import those before it
    "base", "model", "wire", "core", "journal", "store", "snapshots", "node", "follow", "managers",
    "client", "reading", "stages", "cluster", "vault", "gateway", "processes", "supervisor", "cli", "testing",
]  # fmt: skip


@pytest.mark.parametrize("package", LAYERS)
def test_imports_point_one_way(package: str) -> None:
    forbidden = {*LAYERS[LAYERS.index(package) + 1 :], "run", "benchmarks", "tests", "examples"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in sorted(imports_of(path))
        if name.split(".")[0] in forbidden
    ]
    assert wrong == []


def test_the_engine_has_these_floors_and_no_others() -> None:
    there = {path.parent.name for path in (ROOT / "engine").glob("*/__init__.py")}
    assert there == set(FLOORS)


@pytest.mark.parametrize("floor", FLOORS)
def test_no_package_of_the_engine_imports_one_above_it(floor: str) -> None:
    allowed = FLOORS[: FLOORS.index(floor) + 1]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(f"engine/{floor}")
        for name in sorted(imports_of(path))
        if name.split(".")[0] == "engine" and (name == "engine" or name.split(".")[1] not in allowed)
    ]
    assert wrong == []


def test_the_engine_names_no_train() -> None:
    words = ("train", "seat", "passenger", "12306", "railway")
    wrong = [
        f"{path.relative_to(ROOT)}: {word}"
        for package in ("engine", "ringbuffer")
        for path in modules(package)
        for word in words
        if word in path.read_text().lower().replace("domain_12306.app:create", "")
    ]
    assert wrong == []


def test_the_engine_needs_no_numpy() -> None:
    """It is the railway's: an application with other data does without."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for package in ("engine", "ringbuffer")
        for path in modules(package)
        for name in sorted(imports_of(path))
        if name.split(".")[0] == "numpy"
    ]
    assert wrong == []


def test_only_the_gateway_imports_what_its_extra_installs() -> None:
    """And not all of it: the command line makes tokens and prints the audit log without the extra."""
    extra = {"starlette", "uvicorn", "httptools", "prometheus_client"}
    without = {"tokens.py", "audit.py", "__init__.py"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for package in LAYERS
        for path in modules(package)
        if path.parent.name != "gateway" or path.name in without
        for name in sorted(imports_of(path))
        if name.split(".")[0] in extra
    ]
    assert wrong == []


@pytest.mark.parametrize("pure", ["engine/core", "engine/model", "engine/wire"])
def test_the_deterministic_core_reads_no_clock_and_does_no_io(pure: str) -> None:
    impure = {"time", "random", "secrets", "socket", "threading", "subprocess", "zmq", "lmdb", "psutil"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(pure)
        if path.name != "identity.py"  # makes command ids, on the client's side
        for name in sorted(imports_of(path))
        if name.split(".")[0] in impure
    ]
    assert wrong == []


def test_the_domain_handlers_are_pure() -> None:
    impure = {"time", "random", "secrets", "os", "socket", "threading"}
    deciding = [path for room in ("aggregates", "rules") for path in modules(f"domain_12306/{room}")]
    wrong = {name.split(".")[0] for path in deciding for name in imports_of(path)} & impure
    assert wrong == set()


def test_no_room_of_the_railway_imports_one_after_it() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for number, room in enumerate(ROOMS)
        for path in modules(f"domain_12306/{room}")
        for name in sorted(imports_of(path))
        if name.startswith("domain_12306.") and name.split(".")[1] not in ROOMS[: number + 1]
    ]
    assert wrong == []


def test_binary_formats_are_packed_and_unpacked_where_they_are_described() -> None:
    """What leaves a process stands in `engine/wire`; what a package keeps in files, in that package."""
    own = {"base", "wire", "journal", "snapshots", "node", "store"}
    wrong = [
        str(path.relative_to(ROOT))
        for floor in FLOORS
        if floor not in own
        for path in modules(f"engine/{floor}")
        if "struct" in imports_of(path) or "unpack_from" in path.read_text()
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["core", "stages", "processes", "testing"])
def test_these_packages_are_typed_without_exceptions(package: str) -> None:
    ignoring = [path.name for path in modules(f"engine/{package}") if "type: ignore" in path.read_text()]
    assert ignoring == []


def test_the_testing_kit_runs_what_the_processes_run_and_imports_none_of_them() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("engine/testing")
        for name in sorted(imports_of(path))
        if name.startswith("engine.processes")
    ]
    assert wrong == []


def test_no_stage_is_handed_the_process_that_runs_it() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for floor in FLOORS[: FLOORS.index("processes")]
        for path in modules(f"engine/{floor}")
        if "engine.node.process" in imports_of(path)
    ]
    assert wrong == []


def test_one_file_knows_what_lies_where_in_a_data_directory() -> None:
    names = (
        '"manifest.json"', '"endpoints.json"', '"store-', '"needed.json"', '/ "journal"', '"poisoned-'
    )  # fmt: skip
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("engine")
        if path.name != "data_directory.py"
        for name in names
        if name in path.read_text()
    ]
    assert wrong == []
