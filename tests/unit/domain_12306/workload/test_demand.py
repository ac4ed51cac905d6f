"""Demand: the same for the same seed, long-tailed, and only journeys that trains make."""

from collections import Counter as Count

from domain_12306.app import reference_data
from domain_12306.messages import OpenRun, RunOpened, SeatsReserved
from domain_12306.workload.demand import Demand
from domain_12306.workload.synthetic import SEGMENTS, open_synthetic_run, run_name, station
from tests.unit.domain_12306.kit import Counter

DATES = [f"2026-11-{day}" for day in range(23, 30)]


def demand(seed: int = 1) -> Demand:
    return Demand(*reference_data({}), DATES, seed)


def test_the_same_seed_draws_the_same_wishes_and_another_seed_others() -> None:
    one, two, other = demand(), demand(), demand(2)
    wishes = [one.draw() for _ in range(200)]
    assert [two.draw() for _ in range(200)] == wishes
    assert [other.draw() for _ in range(200)] != wishes


def test_demand_has_a_long_tail_over_trains_days_and_pairs() -> None:
    model = demand()
    wishes = [model.draw() for _ in range(20_000)]
    trains = Count(wish.aggregate.partition("/")[0] for wish in wishes)
    top = sum(count for _, count in trains.most_common(len(model.trains) // 20))
    assert 0.25 < top / len(wishes) < 0.6  # a twentieth of the trains takes about a third
    assert len(trains) > 400  # and nearly every train has passengers
    days = Count(wish.aggregate.partition("/")[2] for wish in wishes)
    assert max(days, key=lambda day: days[day]) == DATES[0]
    pairs = Count((wish.board, wish.alight) for wish in wishes)
    assert sum(count for _, count in pairs.most_common(len(pairs) // 20)) > 0.25 * len(wishes)
    parties = Count(wish.party for wish in wishes)
    assert set(parties) == {1, 2, 3, 4, 5}
    assert parties[1] > 0.6 * len(wishes)


def test_every_wish_can_be_asked_of_a_run_that_the_model_opens() -> None:
    model = demand()
    openings = {command.aggregate: command for command in model.openings()}
    assert len(openings) == len(DATES) * len(model.trains)
    for number in range(300):
        wish = model.draw()
        counter = Counter(wish.aggregate)
        assert isinstance(counter.do(openings[wish.aggregate]), RunOpened)
        event = counter.do(wish.command(f"o{number}"))
        assert isinstance(event, SeatsReserved)
        assert len(event.passengers) == wish.party


def test_demand_can_be_kept_to_some_trains() -> None:
    model = Demand(*reference_data({}), DATES[:1], trains=["G1", "K471"])
    assert {model.draw().aggregate.partition("/")[0] for _ in range(100)} == {"G1", "K471"}
    assert model.openings()[0].aggregate == f"G1/{DATES[0]}"


def test_the_synthetic_run_has_1200_seats_over_20_segments() -> None:
    name = run_name(7)
    counter = Counter(name)
    command = open_synthetic_run(name)
    assert isinstance(command, OpenRun)
    event = counter.do(command)
    assert isinstance(event, RunOpened)
    assert counter.run.remaining("O", 0, SEGMENTS) == 1200
    assert isinstance(counter.reserve("o", station(0), station(20)), SeatsReserved)
    small = Counter(name)
    small.do(open_synthetic_run(name, seats=250, segments=3))
    assert small.run.remaining("O", 0, 3) == 250
