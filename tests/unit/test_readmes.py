"""The README in Chinese says what the one in English says: its headings, commands, names and figures."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text()
CHINESE = (ROOT / "README.zh-CN.md").read_text()
BOTH = (ENGLISH, CHINESE)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HAN = re.compile(r"[\u4e00-\u9fff]")


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """Each block of code without its comments."""
    return [
        (language, [re.sub(r"\s+# .*$", "", line) for line in body.splitlines()])
        for language, body in BLOCK.findall(text)
    ]


def figures(text: str) -> Counter[str]:
    """Every number outside of blocks and of inline code; a million has its zeros."""
    plain = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", prose(text))
    plain = re.sub(r"(\d+) million", r"\1,000,000", plain)
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", plain))


def rows(text: str) -> list[int]:
    """The number of columns of each row of the tables, in order."""
    return [line.count("|") for line in prose(text).splitlines() if line.startswith("|")]


def test_each_leads_to_the_other() -> None:
    assert "(README.zh-CN.md)" in ENGLISH
    assert "(README.md)" in CHINESE


def test_both_have_the_same_headings_by_level() -> None:
    levels = [re.findall(r"^(#+) ", prose(text), re.MULTILINE) for text in BOTH]
    assert levels[0] == levels[1]


def test_both_have_the_same_blocks_and_tables() -> None:
    assert blocks(ENGLISH) == blocks(CHINESE)
    assert rows(ENGLISH) == rows(CHINESE)


def test_both_have_the_same_commands_paths_and_names() -> None:
    inline = [Counter(re.findall(r"`([^`\n]+)`", prose(text))) for text in BOTH]
    assert inline[0] - inline[1] == inline[1] - inline[0] == Counter()


def test_both_have_the_same_figures() -> None:
    english, chinese = map(figures, BOTH)
    assert (english - chinese, chinese - english) == (Counter(), Counter())


@pytest.mark.parametrize("mark", [",", ";", "!", "?", "("])
def test_chinese_has_its_own_punctuation(mark: str) -> None:
    plain = re.sub(r"`[^`\n]*`", "", prose(CHINESE))
    assert re.findall(rf"[\u4e00-\u9fff]{re.escape(mark)}", plain) == []


def test_it_is_chinese() -> None:
    cells = [line for line in prose(CHINESE).splitlines() if len(line) > 40 and not HAN.search(line)]
    assert cells == []
