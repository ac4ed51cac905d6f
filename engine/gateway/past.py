"""The past of a stream: pages of what is stored, until the stream is where the hub is."""

from collections.abc import Sequence

from engine.gateway.context import Context
from engine.gateway.frames import FAREWELLS, Frame, beat_of
from engine.gateway.hub import Wanted
from engine.gateway.streams import Stream
from engine.reading.page import Page, read_page
from engine.reading.stores import Stores
from engine.store import Types

PAGE = 500  # entries read at a time


async def fill(context: Context, wanted: Wanted, after: list[int], stream: Stream) -> None:
    """Gives a stream the past, and then joins it to the hub: without a gap, and nothing twice.

    What is between its last page and the positions at which it joined comes from one more page, while what
    the hub offers is held.
    """
    try:
        await stream.put(FAREWELLS[wanted.form] + beat_of(wanted.form, after))
        more = True
        while more and not stream.over:
            page = await context.read(read, context.stores, wanted, after, PAGE)
            piece, reached = framed(page, wanted.form, after)
            await stream.put(told(piece, wanted.form, after, reached))
            after, more = reached, page.more
        if stream.over:
            return
        stream.hold()
        until = context.hub.join(wanted, stream, after)
        more = after != until
        while more and not stream.over:
            page = await context.read(read, context.stores, wanted, after, PAGE)
            piece, reached = framed(page, wanted.form, after, until)
            await stream.put(told(piece, wanted.form, after, reached))
            after, more = (
                reached,
                page.more and any(own < other for own, other in zip(after, until, strict=True)),
            )
        stream.release()
    except BaseException:
        stream.end()
        raise


def read(stores: Stores, wanted: Wanted, after: list[int], limit: int) -> Page:
    """The next page of what is wanted. Where there is no more, `after` is how far everything is read."""
    stored = stores.positions()
    page = read_page(
        stores,
        after,
        partition=None if wanted.partition < 0 else wanted.partition,
        types=Types(wanted.types) if wanted.types else None,
        aggregate=wanted.aggregate or None,
        limit=limit,
    )
    if page.more:
        return page
    return Page(page.entries, list(map(max, page.after, stored)), False)


def framed(page: Page, form: str, after: list[int], until: Sequence[int] = ()) -> tuple[bytes, list[int]]:
    """(the entries of a page, up to the positions `until` if they are given; the positions after them)."""
    at = list(after)
    pieces = []
    for partition, position, entry in page.entries:
        if until and position > until[partition]:
            continue
        at[partition] = position
        pieces.append(Frame((partition, position, entry), at).as_(form))
    ends = list(map(min, page.after, until)) if until else page.after
    return b"".join(pieces), list(map(max, ends, at))


def told(piece: bytes, form: str, before: list[int], after: list[int]) -> bytes:
    """A piece of a stream, with its end: what is not wanted need not be looked through again."""
    return piece + beat_of(form, after) if after != before else piece
