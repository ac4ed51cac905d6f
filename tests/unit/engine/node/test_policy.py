import signal

import pytest

from engine.base.errors import Exit
from engine.node.policy import Action, Backoff, Liveness, action_for
from engine.node.status import State


@pytest.mark.parametrize(
    ("code", "action", "of_a_follower"),
    [
        (Exit.OK, Action.RESTART, Action.RESTART),
        (1, Action.RESTART, Action.RESTART),
        (Exit.CONFIG, Action.STOP_ALL, Action.GIVE_UP),
        (Exit.DISK_FAULT, Action.STOP_ALL, Action.GIVE_UP),
        (Exit.CORRUPT, Action.STOP_ALL, Action.GIVE_UP),
        (Exit.INVARIANT, Action.STOP_ALL, Action.GIVE_UP),
        (Exit.LOCKED, Action.STOP_ALL, Action.GIVE_UP),
        (Exit.TEMPORARY, Action.RESTART, Action.RESTART),
        (-signal.SIGKILL, Action.RESTART, Action.RESTART),
        (-signal.SIGSEGV, Action.RESTART, Action.RESTART),
    ],
)
def test_the_exit_code_decides(code: int, action: Action, of_a_follower: Action) -> None:
    assert action_for(code, in_pipeline=True) is action
    assert action_for(code, in_pipeline=False) is of_a_follower


def test_damage_that_the_scrub_has_found_stops_the_node() -> None:
    found = {code for code in Exit if action_for(code, in_pipeline=False, scrubs=True) is Action.STOP_ALL}
    assert found == {Exit.CORRUPT}


def test_every_exit_code_is_in_the_table_on_purpose() -> None:
    restarted = {code for code in Exit if action_for(code, in_pipeline=True) is Action.RESTART}
    assert restarted == {Exit.OK, Exit.TEMPORARY}


def test_the_fifth_hang_in_ten_minutes_is_once_too_often() -> None:
    backoff = Backoff()
    assert [backoff.hung(100.0 * n) for n in range(6)] == [False] * 4 + [True] * 2
    backoff = Backoff()
    assert not any(backoff.hung(200.0 * n) for n in range(50))


def test_delays_double_up_to_a_bound_while_a_process_fails_early() -> None:
    backoff = Backoff()
    delays = [backoff.delay(now=float(second), worked_s=0.0) for second in range(10)]
    assert delays == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_the_eleventh_early_failure_in_a_minute_is_given_up() -> None:
    backoff = Backoff()
    for second in range(10):
        assert backoff.delay(now=float(second), worked_s=1.0) is not None
    assert backoff.delay(now=10.0, worked_s=1.0) is None


def test_failures_of_more_than_a_minute_ago_do_not_count() -> None:
    backoff = Backoff()
    delays = [backoff.delay(now=7.0 * number, worked_s=0.0) for number in range(100)]
    assert None not in delays


def test_a_process_that_had_worked_is_restarted_at_once_however_often() -> None:
    backoff = Backoff()
    assert [backoff.delay(now=5.1 * number, worked_s=5.0) for number in range(50)] == [0.05] * 50


def looks(liveness: Liveness, state: State, progress: list[int], every_s: float = 1.0) -> list[bool]:
    return [liveness.hangs(every_s * number, state, count) for number, count in enumerate(progress)]


def test_a_running_process_without_progress_hangs_after_the_stall_time() -> None:
    found = looks(Liveness(hang_seconds=3, start_seconds=100), State.RUNNING, [7] * 6)
    assert found == [False, False, False, False, True, True]


@pytest.mark.parametrize("state", [State.STARTING, State.REPLAYING])
def test_a_starting_process_has_the_start_time(state: State) -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=8)
    assert looks(liveness, state, [7] * 10) == [False] * 9 + [True]


def test_a_replaying_core_with_commands_in_hand_has_the_hang_time() -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=100)
    found = [liveness.hangs(float(second), State.REPLAYING, 7, in_hand=42) for second in range(6)]
    assert found == [False, False, False, False, True, True]


def test_a_starting_core_has_the_start_time_whatever_its_last_life_had_in_hand() -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=100)
    assert not any(liveness.hangs(float(second), State.STARTING, 7, in_hand=42) for second in range(50))


def test_another_command_in_hand_is_progress() -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=100)
    assert not any(liveness.hangs(2.0 * n, State.RUNNING, 7, in_hand=42 + n) for n in range(50))


def test_progress_starts_the_count_again() -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=100)
    assert True not in looks(liveness, State.RUNNING, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3])


def test_the_silence_while_the_supervisor_itself_was_stopped_proves_nothing() -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=100)
    assert not liveness.hangs(0.0, State.RUNNING, 1)
    assert not liveness.hangs(3600.0, State.RUNNING, 1)
    assert liveness.hangs(3602.5, State.RUNNING, 1)


def test_a_process_started_anew_is_given_its_time_again() -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=100)
    assert looks(liveness, State.RUNNING, [7] * 5)[-1]
    liveness.reset()
    assert not liveness.hangs(100.0, State.RUNNING, 7)


def test_a_long_start_does_not_count_against_the_first_turn_of_the_loop() -> None:
    liveness = Liveness(hang_seconds=3, start_seconds=100)
    assert not any(liveness.hangs(float(second), State.STARTING, 7) for second in range(50))
    found = [liveness.hangs(50.0 + second, State.RUNNING, 7) for second in range(6)]
    assert found == [False, False, False, False, True, True]
