"""Prepares the pages for the site: `python docs/site.py FOLDER` copies them, with what GitHub reads and
Python-Markdown does not written in its way.

    fences with more than a language    ```python note.py      the name becomes the title
                                        ```json answer         the word, which a test reads, is left out
    lists in lists                      by two blanks          by four
"""

import re
import shutil
import sys
from pathlib import Path

PAGES = Path(__file__).parent
FENCE = re.compile(r"^( *)```(\w+) (\S+)(.*)$")


def prepared(text: str) -> str:
    """A page as the site's Markdown has it."""
    lines, fenced = [], False
    for line in text.split("\n"):
        if match := FENCE.match(line):
            indent, language, word = match[1], match[2], match[3]
            line = f"{indent}```{language}" + (f' title="{word}"' if "." in word else "")
        elif not fenced and line.startswith("  - "):
            line = "  " + line
        fenced ^= line.lstrip().startswith("```")
        lines.append(line)
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Copies every page to its place under the folder, which is made again."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in PAGES.rglob("*.md"):
        target = folder / page.relative_to(PAGES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(prepared(page.read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
