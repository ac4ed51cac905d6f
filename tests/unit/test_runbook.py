"""The runbook has a page for whatever wakes an operator, and its commands exist."""

import importlib
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from engine.base.errors import ConfigError, Exit, Fault, Locked
from engine.base.log import json_line
from engine.base.log_codes import Code, Level
from engine.base.runbook import CODE_PAGES, EXIT_PAGES, FOLDER, Page, hint_at, page_for
from engine.cli.command import CommandModule, Program
from engine.cli.commands import command_named
from engine.cli.parser import parser_of
from engine.wire.busy import PAGES as BUSY_PAGES
from engine.wire.busy import BusyReason

ROOT = Path(__file__).parents[2]
INDEX = ROOT / FOLDER / "README.md"
PAGES = sorted(path for path in (ROOT / FOLDER).glob("*.md") if path != INDEX)
ALERTS = {
    name: Page(Path(page).stem)
    for name, page in re.findall(
        r"- alert: (\w+).*?runbook: (\S+)", (ROOT / "deploy/alerts.yml").read_text(), re.DOTALL
    )
}
SECTIONS = ("**What it means.**", "**See the cause.**", "**What to do.**", "**What not to do.**")


def leads() -> dict[str, Mapping[str, Page]]:
    """All that leads to a page, by kind."""
    return {
        "exit code": {str(code.value): page for code, page in EXIT_PAGES.items()},
        "busy": {reason.value: page for reason, page in BUSY_PAGES.items()},
        "alert": ALERTS,
        "log": {code.text: page for code, page in CODE_PAGES.items()},
    }


def leading_to(page: Page) -> str:
    """The line under the title of a page: what leads there."""
    kinds = []
    for kind, pages in leads().items():
        here = [f"`{name}`" for name, target in pages.items() if target is page]
        if here:
            kinds.append(f"{kind} {', '.join(here)}")
    return f"**Leads here:** {'; '.join(kinds)}."


def sessions(page: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(kind, commands with what they print) of each session of a page."""
    text = page.read_text()
    for indent, kind, body in re.findall(r"^( *)```console ?(\w*)\n(.*?)^ *```$", text, re.M | re.S):
        plain = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        parts = re.split(r"^\$ ", plain, flags=re.MULTILINE)[1:]
        yield kind, [(command, printed) for command, _, printed in (part.partition("\n") for part in parts)]


def commands(page: Path) -> list[str]:
    """Each call of `ringfold` on a page, in sessions and in the text."""
    typed = [command for _, session in sessions(page) for command, _ in session]
    inline = re.findall(r"`(ringfold [^`]*)`", page.read_text())
    return [text for text in (*typed, *inline) if text.startswith("ringfold ")]


def test_everything_that_wakes_an_operator_leads_to_one_page() -> None:
    assert set(EXIT_PAGES) == set(Exit)
    assert set(BUSY_PAGES) == set(BusyReason)
    loud = {code for code in Code if code.level is not Level.INFO and not code.text.startswith("kit.")}
    assert set(CODE_PAGES) == loud
    assert len(ALERTS) == (ROOT / "deploy/alerts.yml").read_text().count("- alert:")


def test_each_page_is_there_and_no_other() -> None:
    assert [page.stem for page in PAGES] == sorted(Page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_leads_to_it_and_answers_the_four_questions(page: Path) -> None:
    title, empty, line, *_ = page.read_text().splitlines()
    assert title.startswith("# ")
    assert (empty, line) == ("", leading_to(Page(page.stem)))
    places = [page.read_text().find(section) for section in SECTIONS]
    assert places == sorted(places)
    assert places[0] > 0
    assert len(page.read_text().splitlines()) < 80


def test_the_index_is_the_table() -> None:
    text = INDEX.read_text()
    for kind, pages in leads().items():
        rows = re.findall(r"^\| `([^`]+)` \|.*\[.*\]\((\S+)\.md\) \|$", text.split(f"## {kind}")[1], re.M)
        assert dict(rows[: len(pages)]) == {name: page.value for name, page in pages.items()}, kind


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_command_of_a_page_exists(page: Path) -> None:
    for text in commands(page):
        _, name, *arguments = shlex.split(text.replace("… ", ""))
        if name == "--version":
            continue
        command = command_named(name)
        assert command is not None, text
        module = cast(CommandModule, importlib.import_module(command.module))
        parser_of(command, module, Program()).parse(arguments)


def test_a_line_that_says_something_has_stopped_names_its_page() -> None:
    assert hint_at(Code.FOLLOW_DEAD, "look") == "look; docs/runbook/dead-letters.md"
    assert hint_at(Code.NODE_GIVES_UP, "docs/runbook/locked.md") == "docs/runbook/locked.md"
    assert hint_at(Code.CLOCK_BEHIND, "") == ""
    line = json_line("now", "core-0", Code.CLOCK_BEHIND, "late", {}, "", "")
    assert '"runbook": "docs/runbook/clock.md"' in line
    assert "runbook" not in json_line("now", "core-0", Code.NODE_READY, "ready", {}, "", "")


def test_an_error_of_the_command_line_names_its_page_where_its_line_is_not_enough() -> None:
    assert page_for(Locked("another node")) is Page.LOCKED
    assert page_for(Fault("no such disk")) is Page.DISK_FAULT
    assert page_for(ConfigError("a slip of typing")) is None
