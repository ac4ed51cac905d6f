"""The documentation as a site: every page has one place in it, and it builds strictly."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIG = (ROOT / "mkdocs.yml").read_text()
PAGES = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.fixture(scope="module")
def site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_site", DOCS / "site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_has_one_place_in_the_site() -> None:
    assert sorted(re.findall(r"^ +- (?:.*: )?(\S+\.md)$", CONFIG, re.MULTILINE)) == PAGES


@pytest.mark.parametrize("folder", [DOCS, DOCS / "adr", DOCS / "runbook"], ids=lambda path: path.name)
def test_the_first_page_of_a_folder_leads_to_all_others(folder: Path) -> None:
    links = set(re.findall(r"\]\(([^)#]+)\)", (folder / "README.md").read_text()))
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert pages - links == set()


def test_what_the_site_reads_otherwise_is_written_otherwise(site: ModuleType) -> None:
    page = "- a\n  - b\n\n```python note.py\n  - c\n```\n\n1. d\n\n    ```json answer\n    {}\n    ```\n"
    assert site.prepared(page) == (
        '- a\n    - b\n\n```python title="note.py"\n  - c\n```\n\n1. d\n\n    ```json\n    {}\n    ```\n'
    )


def test_what_stands_in_a_numbered_list_is_indented_as_the_site_needs_it() -> None:
    for page in DOCS.rglob("*.md"):
        assert re.findall(r"^ {1,3}(?:```|\|)", page.read_text(), re.MULTILINE) == [], page


@pytest.mark.skipif(
    importlib.util.find_spec("zensical") is None, reason="NOT BUILT: no zensical here: pip install '.[docs]'"
)
def test_the_site_builds_strictly_and_shows_no_fence_as_text(tmp_path: Path, site: ModuleType) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    site.main(tmp_path / "build" / "pages")
    build = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "build" / "docs").rglob("*.html"))
    assert len(pages) >= len(PAGES)
    assert [page.name for page in pages if "```" in page.read_text()] == []
    loaded = {
        link
        for page in pages
        for link in re.findall(r'<(?:script|link)[^>]* (?:src|href)="(https?:[^"]*)"', page.read_text())
    }
    assert loaded == set(), "a reader without a network sees all of it"
