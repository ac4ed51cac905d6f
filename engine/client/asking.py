"""What can be asked of a node: one answer, or an answer that is as wanted.

`Asking` is the part of a client that asks views. How a question leaves and its answer comes is up to the
class that inherits it.
"""

import time
from collections.abc import Callable
from typing import Any

from engine.client.queries import AtLeast, QueryRefused, Question, Told, Watch

TIMEOUT_S = 10.0


class Asking:
    """Base of what asks views and waits for their answers."""

    def query(
        self,
        view: str,
        query: str,
        args: Any = None,
        *,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        """Asks a view. `at_least`: a receipt, or (partition, position), whose events the answer must contain.
        Raises QueryRefused for an error answer, TimeoutError for none."""
        question = Question(view, query, args)
        return question.decode(self._ask(question, at_least, None, timeout_s).answer)

    def until(
        self,
        view: str,
        query: str,
        args: Any = None,
        *,
        predicate: Callable[[Any], object] = bool,
        at_least: AtLeast = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        """Asks a view until `predicate(answer)` is true, and returns that answer. It is asked again whenever
        the view has moved on, which the view says: nothing polls. Raises TimeoutError, which has the last
        answer, and QueryRefused where asking again cannot help."""
        watch = Watch(Question(view, query, args), predicate, at_least, timeout_s, time.monotonic())
        return self._watch(watch)

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
