"""A train-run as a value: what a snapshot holds of it."""

import pickle
import random

from domain_12306.aggregates.train_run import TrainRun
from domain_12306.messages import ConfirmOrder, ReleaseOrder
from domain_12306.reference.plan import PLANS
from engine.model.state import canonical
from tests.unit.domain_12306.kit import RUN, Counter, stations


def loaded(run: TrainRun) -> TrainRun:
    """The same run from its saved bytes."""
    fresh = type(run)(run.id)
    fresh.load_state(pickle.loads(pickle.dumps(run.save_state())))
    fresh.engine_version = run.engine_version
    return fresh


def life(seed: int, steps: int) -> Counter:
    """Any history of reserving, confirming and releasing."""
    chance = random.Random(seed)
    counter = Counter().opened(40, stops=7)
    names = stations(7)
    for step in range(steps):
        i, j = sorted(chance.sample(range(7), 2))
        counter.reserve(f"o{step}", names[i], names[j], chance.choice((1, 1, 1, 3)))
        some = f"o{chance.randrange(step + 1)}"
        counter.do(chance.choice((ConfirmOrder, ReleaseOrder))(RUN, some))
    return counter


def test_a_loaded_run_decides_as_the_one_that_was_saved() -> None:
    for seed in range(8):
        counter = life(seed, 60)
        copy = loaded(counter.run)
        assert canonical(copy.save_state()) == canonical(counter.run.save_state())
        other = Counter()
        other.run = copy
        for step in range(60):
            board, alight = ("a", "d") if step % 2 else ("c", "g")
            decided = [repr(one.reserve(f"x{step}", board, alight)) for one in (counter, other)]
            assert decided[0] == decided[1]
        assert canonical(copy.save_state()) == canonical(counter.run.save_state())


def test_a_loaded_run_shares_its_plan_and_its_untouched_classes_again() -> None:
    run = Counter().opened(40).run
    copy = loaded(run)
    assert copy.plan is run.plan
    assert copy._classes[0] is run.plan.pristine[0]
    assert copy.plan is PLANS.of(run.plan.stops, run.plan.coaches)


def test_the_saved_value_does_not_change_with_the_run() -> None:
    counter = life(1, 20)
    saved = counter.run.save_state()
    before = canonical(saved)
    counter.reserve("later", "a", "b")
    assert canonical(saved) == before
    assert canonical(counter.run.save_state()) != before


def test_a_run_that_is_not_open_saves_nothing() -> None:
    assert TrainRun(RUN).save_state() is None
    assert canonical(loaded(TrainRun(RUN)).save_state()) == canonical(None)
