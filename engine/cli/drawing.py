"""Drawing on a terminal, by rich, which is imported when there is something to draw."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from engine.base.errors import RingfoldError
from engine.cli.measuring import Measured

if TYPE_CHECKING:
    from rich.console import Group

WANTED = "ringfold: live drawing needs rich: pip install 'ringfold[cli]'"
COLOURS = {"running": "green", "failed": "bold red", "waiting-for-room": "red"}
OTHER_COLOUR = "yellow"


def drawing_of(
    table: Callable[[Measured, int], Sequence[Sequence[str]]], remarks: Callable[[Measured], Sequence[str]]
) -> Callable[[Iterable[Measured | RingfoldError]], None] | None:
    """What draws each look over the one before. None if rich is not there, or NO_COLOR says that a plain
    terminal is wanted. `table`: the headings and rows of a look that fit into a width; `remarks`: what stands
    below them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return None
    try:
        from rich.live import Live
        from rich.text import Text
    except ModuleNotFoundError:
        print(WANTED, file=sys.stderr)
        return None

    def draw(looks: Iterable[Measured | RingfoldError]) -> None:
        with Live(screen=True, auto_refresh=False) as live:
            for look in looks:
                if isinstance(look, RingfoldError):
                    live.update(Text(str(look), style="bold red"), refresh=True)
                else:
                    rows = table(look, live.console.width)
                    live.update(_picture(look.headline(), rows, remarks(look)), refresh=True)

    return draw


def _picture(headline: str, rows: Sequence[Sequence[str]], remarks: Sequence[str]) -> "Group":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    headings, *told = rows
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        justify: Literal["left", "right"] = "left" if heading in ("process", "state") else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    for row in told:
        shown = [
            Text(text, style=COLOURS.get(text, OTHER_COLOUR) if heading == "state" else "")
            for heading, text in zip(headings, row, strict=True)
        ]
        table.add_row(*shown)
    return Group(Text(headline, style="bold"), Text(), table, Text(), *map(Text, remarks))
