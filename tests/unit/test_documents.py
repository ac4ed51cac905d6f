"""The documents name what exists: files, tests, and the modules of a package in its reading order."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")  # in backticks, with a slash
FILE_OR_FOLDER = re.compile(r"`((?:\w+/)*\w+\.py|(?:\w+/)+)`")
TOP = {path.name for path in ROOT.iterdir()} - {"data"}
PACKAGES = sorted(
    path.parent.relative_to(ROOT)
    for top in ("ringbuffer", "engine", "domain_12306", "examples")
    for path in (ROOT / top).rglob("__init__.py")
)
ROOMS = [path for path in PACKAGES if len(path.parts) == 2 and path.parts[0] == "engine"]
ITSELF = {"__init__", "__main__"}


def missing_files(text: str) -> list[str]:
    """Files named without a folder must be in the folder that was named last."""
    folder, missing = "", []
    text = text.replace("`conftest.py`", "")  # the reader's own
    for name in FILE_OR_FOLDER.findall(text):
        path = name if "/" in name else folder + name
        if name.endswith("/"):
            folder = name
        if not (ROOT / path).exists():
            missing.append(path)
    return missing


def reading_order(docstring: str) -> list[str]:
    """The names in `Reading order: first (what it is), second and third.`"""
    plain = docstring
    while (shorter := re.sub(r"\s*\([^()]*\)", "", plain)) != plain:
        plain = shorter
    names: list[str] = []
    for start in ("Reading order: ", "imported only when it is used: "):
        match = re.search(rf"{start}(.*?)\.(?:\s|$)", plain, re.DOTALL)
        names += re.split(r"[,;]\s+|\s+and\s+", match[1]) if match else []
    return names


def modules_of(package: Path) -> set[str]:
    files = {path.stem for path in (ROOT / package).glob("*.py")}
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    return (files | folders) - ITSELF


def test_every_file_of_the_tour_exists() -> None:
    assert missing_files((ROOT / "docs" / "ARCHITECTURE.md").read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_in_a_document_exists(document: Path) -> None:
    paths = [path for path in PATH.findall(document.read_text()) if path.split("/")[0] in TOP]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_in_a_document_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_the_tour_comes_through_every_room(room: Path) -> None:
    assert f"`{room}/`" in (ROOT / "docs" / "ARCHITECTURE.md").read_text()


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_a_reading_order_names_every_module_of_its_package_and_no_other(package: Path) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""
    if package == Path("engine"):
        return  # its public names are in docs/REFERENCE.md
    assert sorted(reading_order(docstring)) == sorted(modules_of(package))
