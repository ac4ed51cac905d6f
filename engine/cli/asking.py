"""Asking a view, process manager or worker of a running node what an operator wants to know."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.base.errors import ConfigError, RingfoldError
from engine.cli.printing import Printer
from engine.node.followers import Follower, followers

__all__ = ["AGAIN", "Follower", "ask", "ask_all", "followers"]

AGAIN = ("behind", "busy", "building", "stopping")  # refusals that are over after a while
GRACE_S = 0.5  # a view reports itself that it is behind; this is the time for its answer to arrive


def ask(
    follower: Follower,
    query: str,
    args: Any = None,
    *,
    texts: Mapping[str, str] | None = None,
    at_least: tuple[int, int] | None = None,
    timeout_s: float = 5.0,
    hint: str = "",
) -> Any:
    """Its answer. `texts`: arguments as they were typed, instead of `args`. Raises RingfoldError if it does
    not answer now; ConfigError, with the hint, if it would not answer this later either."""
    # Imported here, because listing followers needs no socket.
    import msgspec

    from engine.client.sockets import dealer
    from engine.wire.queries import decode_answer, encode_request, wrong_with_request

    facts = {follower.kind: follower.name, "query": query}
    request = encode_request(query, args, at_least=at_least, timeout_ms=int(timeout_s * 1000), texts=texts)
    if problem := wrong_with_request(request):
        raise ConfigError(problem, **facts)
    socket = dealer(follower.endpoint)
    try:
        socket.send(request)
        if not socket.poll(int((timeout_s + GRACE_S) * 1000)):
            raise RingfoldError(f"no answer within {timeout_s:g} s", **facts, hint="try again")
        received = decode_answer(socket.recv())
    finally:
        socket.close()
    if not received.error:
        return msgspec.json.decode(received.answer)
    if received.error in AGAIN:
        raise RingfoldError(f"{received.error}: {received.message}", **facts, hint="try again")
    raise ConfigError(f"{received.error}: {received.message}", **facts, hint=hint)


def ask_all(asked: Sequence[Follower], query: str, printer: Printer) -> list[tuple[Follower, Any]]:
    """Those that answer, with their answers. One that does not, as one that was given up, is a remark: an
    operator wants to hear of the others all the more."""
    answers = []
    for follower in asked:
        try:
            answers.append((follower, ask(follower, query)))
        except RingfoldError as error:
            printer.warn("no-answer", error.message, error.hint, **error.facts)
    return answers
