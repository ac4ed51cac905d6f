"""Drawing on a terminal, by rich, which is imported when there is something to draw."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from engine.base.errors import RingfoldError
from engine.cli.measuring import Measured
from engine.cli.table import cells

if TYPE_CHECKING:
    from rich.console import Group

WANTED = "ringfold: live drawing needs rich: pip install 'ringfold[cli]'"
COLOURS = {"running": "green", "failed": "bold red", "waiting-for-room": "red"}
OTHER_COLOUR = "yellow"


def drawing_of(headings: Sequence[str]) -> Callable[[Iterable[Measured | RingfoldError]], None] | None:
    """What draws each look over the one before. None if rich is not there, or NO_COLOR says that a plain
    terminal is wanted."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return None
    try:
        from rich.live import Live
    except ModuleNotFoundError:
        print(WANTED, file=sys.stderr)
        return None

    def draw(looks: Iterable[Measured | RingfoldError]) -> None:
        with Live(screen=True, auto_refresh=False) as live:
            for look in looks:
                live.update(_picture(headings, look), refresh=True)

    return draw


def _picture(headings: Sequence[str], look: Measured | RingfoldError) -> "Group":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if isinstance(look, RingfoldError):
        return Group(Text(str(look), style="bold red"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < 2 else "right", no_wrap=True)
    for row in look.table():
        name, state, *rest = cells(row)
        table.add_row(name, Text(state, style=COLOURS.get(state, OTHER_COLOUR)), *rest)
    return Group(Text(look.headline(), style="bold"), Text(), table, Text(), *map(Text, look.remarks()))
