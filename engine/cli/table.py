"""A table as text: columns of equal width, names to the left, numbers to the right."""

from collections.abc import Iterable, Sequence


def aligned(table: Sequence[Sequence[str]], left: int = 2) -> list[str]:
    """Its lines. `left`: how many columns begin at their left edge."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def fitting(table: Sequence[Sequence[str]], width: int, spare: Sequence[str]) -> list[tuple[str, ...]]:
    """The table as far as it fits into a width: without the first of the `spare` columns, by their headings,
    until it does, or none of them is left."""
    kept = list(range(len(table[0])))
    for heading in spare:
        widths = [max(len(row[column]) for row in table) for column in kept]
        if sum(widths) + 2 * (len(widths) - 1) <= width:
            break
        kept = [column for column in kept if table[0][column] != heading]
    return [tuple(row[column] for column in kept) for row in table]


def cells(values: Iterable[object]) -> tuple[str, ...]:
    """A row as it is printed: digits in groups of three, and a dash for what is not known."""
    return tuple(_cell(value) for value in values)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
