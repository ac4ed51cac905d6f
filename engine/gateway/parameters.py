"""Parameters of a request, in its query string: numbers within bounds, positions."""

from starlette.requests import Request

from engine.gateway.problems import Problem

MOST_POSITION = (1 << 63) - 1  # a key of a store has 8 bytes


def number_in(request: Request, name: str, default: int, *, least: int = 0, most: int = MOST_POSITION) -> int:
    """A whole number. Raises Problem."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not least <= int(text) <= most:
        raise Problem("bad-request", f"{name} is a whole number from {least} to {most}")
    return int(text)


def positions_in(text: str, partitions: int, name: str) -> list[int]:
    """One position for each partition, by commas. Raises Problem."""
    parts = text.split(",")
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= 19]
    if len(numbers) != len(parts) or len(parts) != partitions or max(numbers) > MOST_POSITION:
        raise Problem("bad-request", f"{name} is a position for each partition, by commas: {partitions}")
    return numbers


def expect_known(request: Request, *known: str) -> None:
    """Raises Problem for a parameter that means nothing here, which may be a slip, or comes twice."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            raise Problem("bad-request", f"{name} means nothing here; known: {', '.join(known) or 'none'}")
        if names.count(name) > 1:
            raise Problem("bad-request", f"{name} is there twice")
