"""How long a process may be away before its node gives up what it owns."""

from engine.cluster.absence import MOST_S, Absence


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_process_that_was_never_there_is_away() -> None:
    absence = Absence(2, Clock())
    assert not absence.short([True, False])
    assert absence.short([True, True])


def test_one_that_is_back_in_a_moment_was_never_missed() -> None:
    clock = Clock()
    absence = Absence(2, clock)
    absence.short([True, True])
    clock.now += MOST_S
    assert absence.short([True, False])
    assert absence.short([True, True])
    clock.now += MOST_S
    assert absence.short([True, False])


def test_one_that_stays_away_is_missed_until_it_is_back() -> None:
    clock = Clock()
    absence = Absence(2, clock)
    absence.short([True, True])
    clock.now += MOST_S + 0.1
    assert not absence.short([True, False])
    assert absence.short([True, True])
