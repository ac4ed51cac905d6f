"""Asking a view: for one answer, or until the answer is as wanted.

`Asking` is the part of a client that asks views. How a question leaves and its answer comes is up to the
class that inherits it.
"""

import time
from collections.abc import Callable
from typing import Any, overload

from engine.client.queries import AtLeast, QueryRefused, Question, Told, Watch
from engine.client.typed import OwnQuery, P, R, ViewQuery, question_of

TIMEOUT_S = 10.0


class Asking:
    """The base of clients that ask views and wait for their answers."""

    @overload
    def query(
        self,
        view: str,
        /,
        query: str,
        args: Any = None,
        *,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any: ...
    @overload
    def query(
        self,
        query: Callable[..., R],
        /,
        *args: Any,
        at_least: AtLeast,
        timeout_s: float = TIMEOUT_S,
        **named: Any,
    ) -> R: ...
    @overload
    def query(self, query: Callable[..., R], /, *args: Any, timeout_s: float, **named: Any) -> R: ...
    @overload
    def query(self, query: ViewQuery[P, R], /, *args: P.args, **named: P.kwargs) -> R: ...
    @overload
    def query(self, query: OwnQuery[P, R], /, *args: P.args, **named: P.kwargs) -> R: ...
    def query(
        self, view: Any, /, *args: Any, at_least: Any = None, timeout_s: Any = TIMEOUT_S, **named: Any
    ) -> Any:
        """Asks a view: by names, `query("notes", "note", {"note": "note-1"})`, or by the method that answers,
        `query(Listing.note, note="note-1")`, whose arguments are checked here and whose answer is of the type
        that it returns.

        `at_least`: a receipt, or (partition, position), whose events the answer must contain. Raises
        QueryRefused for an error answer, TimeoutError for none, TypeError for arguments that do not fit.
        """
        question = question_of(view, args, named)
        return question.decode(self._ask(question, at_least, None, timeout_s).answer)

    @overload
    def until(
        self,
        view: str,
        /,
        query: str,
        args: Any = None,
        *,
        predicate: Callable[[Any], object] = bool,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any: ...
    @overload
    def until(
        self,
        query: Callable[..., R],
        /,
        *args: Any,
        predicate: Callable[[R], object] = bool,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
        **named: Any,
    ) -> R: ...
    def until(
        self,
        view: Any,
        /,
        *args: Any,
        predicate: Callable[[Any], object] = bool,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
        **named: Any,
    ) -> Any:
        """Asks a view, as `query` does, until `predicate(answer)` is true, and returns that answer. It is
        asked again whenever the view has moved on, which the view says: nothing polls. Raises TimeoutError,
        which has the last answer, and QueryRefused where asking again cannot help."""
        question = question_of(view, args, named)
        return self._watch(Watch(question, predicate, at_least, timeout_s, time.monotonic()))

    def _ask(self, question: Question, at_least: AtLeast, after: list[int] | None, timeout_s: float) -> Told:
        raise NotImplementedError

    def _watch(self, watch: Watch) -> Any:
        while not watch.done:
            held_s = watch.held_s(time.monotonic())
            try:
                told = self._ask(watch.question, watch.at_least, watch.after, held_s)
            except (QueryRefused, TimeoutError) as error:
                time.sleep(watch.refused(error, time.monotonic()))
            else:
                watch.told(told, time.monotonic())
        return watch.answer
