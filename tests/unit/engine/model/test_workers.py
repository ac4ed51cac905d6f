"""Workers: what could not work is one line before anything starts."""

import pytest

from engine import ConfigError, Delivery, Engine, Tell, Worker, every, on, query
from engine.model.projections import Projection
from tests.acceptance.errands import Asked, Errand, Finished


def registered(cls: type[Worker], name: str = "w") -> Engine:
    app = Engine("a", aggregates=[type("Errand", (Errand,), {})])
    app.worker(name)(cls)
    app.check()
    return app


def test_a_worker_has_its_handlers_rounds_and_queries() -> None:
    class W(Worker, threads=3):
        @on(Asked)
        def asked(self, event: Asked, tell: Tell, delivery: Delivery) -> None: ...

        @every(seconds=2)
        def look(self, tell: Tell) -> None: ...

        @query
        def count(self, of: str) -> int:
            return 0

    spec = registered(W).workers["w"]
    assert [(handler.attribute, handler.wants) for handler in spec.handlers] == [("asked", (Tell, Delivery))]
    assert [(one.attribute, one.seconds, one.wants) for one in spec.rounds] == [("look", 2, (Tell,))]
    assert list(spec.queries) == ["count"]
    assert spec.cls.threads == 3


class OnTwo(Worker):
    @on(Asked, Finished)
    def both(self, asked: Asked, finished: Finished) -> None: ...


class NeverAgain(Worker, patience_s=0.5): ...


class Crowd(Worker, threads=1_000): ...


class OwnLag(Worker):
    @query
    def lag(self) -> int:
        return 0


class Wants(Worker):
    @on(Asked)
    def asked(self, event: Asked, other: int) -> None: ...


class Hurries(Worker):
    @every(seconds=1)
    def go(self, when: float) -> None: ...


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (OnTwo, "a worker gets one by one"),
        (NeverAgain, "a patience of a second or more"),
        (Crowd, "1 to 256 threads"),
        (OwnLag, "every worker answers already"),
        (Wants, "it may take: Delivery, Tell"),
        (Hurries, "it may take: Tell"),
    ],
)
def test_what_could_not_work_is_refused(cls: type[Worker], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        registered(cls)


def test_a_round_has_pauses() -> None:
    with pytest.raises(ConfigError, match="must be above 0"):

        class W(Worker):
            @every(seconds=0)
            def go(self) -> None: ...


def test_a_worker_and_a_view_have_different_names() -> None:
    class V(Projection, name="w"): ...

    class W(Worker, name="w"): ...

    app = Engine("a", aggregates=[type("Errand", (Errand,), {})], projections=[V], workers=[W])
    with pytest.raises(ConfigError, match="has the name of a view"):
        app.check()
