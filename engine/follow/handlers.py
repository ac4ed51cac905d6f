"""Dispatch: which methods run for a commit, and in which order (`engine.model.handlers` says it).

    events of the commit     A        B        A
    one-event handlers       A…       B…       A…      in the order of the events, each by priority
    two-event handlers       (A, B)…                   if both occur: the first of each
    three-event handlers     …

Which handler wants what is looked up once, when a target is made.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.model.commit import Commit
from engine.model.handlers import Handler
from engine.model.messages import Event

Call = Callable[[Any, Any], None]  # (event, commit)
CallMany = Callable[[Sequence[Any], Any], None]  # (events, commit)


class Dispatch:
    """The handlers of one object, bound to it. `offers`: what they may want besides the commit, by class."""

    def __init__(self, owner: object, handlers: Sequence[Handler], offers: Mapping[type, Any]) -> None:
        singles: dict[type[Event], list[Call]] = {}
        self._several: list[tuple[tuple[type[Event], ...], CallMany]] = []
        for handler in handlers:
            method = getattr(owner, handler.attribute)
            if len(handler.events) == 1:
                singles.setdefault(handler.events[0], []).append(_single(method, handler.wants, offers))
            else:
                self._several.append((handler.events, _many(method, handler.wants, offers)))
        self._singles = {event: tuple(calls) for event, calls in singles.items()}
        self.plain: dict[type[Event], Call] | None = None
        """event class → the only call there is for it, if that is all that has to be known"""
        if not self._several and all(len(calls) == 1 for calls in singles.values()):
            self.plain = {event: calls[0] for event, calls in self._singles.items()}

    def run(self, commit: Any) -> None:
        """Runs everything for one commit."""
        for event in commit.events:
            for call in self._singles.get(type(event), ()):
                call(event, commit)
        if self._several and len(commit.events) > 1:
            first: dict[type, Any] = {}
            for event in commit.events:
                first.setdefault(type(event), event)
            for wanted, call_many in self._several:
                if all(event in first for event in wanted):
                    call_many([first[event] for event in wanted], commit)


def _single(method: Callable[..., None], wants: tuple[type, ...], offers: Mapping[type, Any]) -> Call:
    if wants == (Commit,):
        return method  # the usual one, as it is: nothing stands between the loop and it
    if Commit not in wants:
        rest = tuple(offers[kind] for kind in wants)
        return lambda event, commit: method(event, *rest)
    before, after = _around_the_commit(wants, offers)
    return lambda event, commit: method(event, *before, commit, *after)


def _many(method: Callable[..., None], wants: tuple[type, ...], offers: Mapping[type, Any]) -> CallMany:
    if Commit not in wants:
        rest = tuple(offers[kind] for kind in wants)
        return lambda events, commit: method(*events, *rest)
    before, after = _around_the_commit(wants, offers)
    return lambda events, commit: method(*events, *before, commit, *after)


def _around_the_commit(wants: tuple[type, ...], offers: Mapping[type, Any]) -> tuple[tuple[Any, ...], ...]:
    """What a handler is given before the commit, and after it."""
    at = wants.index(Commit)
    return tuple(offers[kind] for kind in wants[:at]), tuple(offers[kind] for kind in wants[at + 1 :])
