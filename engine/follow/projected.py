"""A projection as a target: its handlers, its table if it has one, its queries."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from engine.base.errors import BUGS, RingfoldError
from engine.follow.allowance import Allowance
from engine.follow.handlers import Dispatch
from engine.follow.target import HandlerFailed
from engine.model.messages import Event
from engine.model.projections import Projection, ProjectionSpec
from engine.model.tables import Table


class Projected:
    """One version of one projection. After a failure a table is put back as it was. A projection that keeps
    its own state cannot be put back, and is loaded again."""

    def __init__(self, spec: ProjectionSpec) -> None:
        self.spec = spec
        self._allowance = Allowance()
        self.table: Table | None = Table(*spec.layout) if spec.uses_view else None
        self.projection = self._made()
        self.keeps = spec.uses_view or type(self.projection).save is not Projection.save

    def events(self) -> set[type[Event]]:
        return self.spec.events()

    @property
    def full(self) -> bool:
        return False

    def apply(self, partition: int, position: int, commits: Sequence[Any]) -> int:
        commit = None
        try:
            if self._plain is not None:
                handler_of = self._plain.get
                for commit in commits:
                    for event in commit.events:
                        handler = handler_of(type(event))
                        if handler is not None:
                            handler(event, commit)
            elif self.table is None:
                for commit in commits:
                    self._run(commit)
            else:
                mark = self.table.mark
                for commit in commits:
                    mark()
                    self._run(commit)
        except (RingfoldError, MemoryError):
            raise
        except BUGS as error:
            # The index is searched for here, so that nothing is counted while all goes well.
            at = next(k for k, candidate in enumerate(commits) if candidate is commit)
            if self.table is not None:
                self.table.undo()
            raise HandlerFailed(at, clean=self.table is not None) from error
        return len(commits)

    def ask(self, query: str, request: Any) -> Any:
        """The answer to a query of the projection's own; KeyError if it has none of this name."""
        spec = self.spec.queries[query]
        method = getattr(self.projection, spec.attribute)
        named = msgspec.structs.asdict(request) if spec.spread else {}
        given = () if spec.spread else (request,)
        if self.table is None:
            return method(*given, **named)
        self.table.mark()
        try:
            return method(self.table, *given, **named) if spec.wants_view else method(*given, **named)
        finally:
            self.table.undo()  # a question changes nothing

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        if self.table is not None:
            return self.table.changes()
        return self._allowance.within(self.projection.save(), self.spec.name)

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        if self.table is None:
            self.projection = self._made()
            self.projection.load(items)
        else:
            self.table.load(items)

    def _made(self) -> Projection:
        made = self.spec.factory()
        dispatch = Dispatch(made, self.spec.handlers, {Table: self.table})
        self._run = dispatch.run
        self._plain = dispatch.plain if self.table is None else None
        return made
