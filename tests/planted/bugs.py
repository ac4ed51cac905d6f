"""Bugs that are planted on purpose, and for each the tests that must notice it.

    name → (what is done to the code, tests that fail then)
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from domain_12306.seating.gaps import SeatClass
from engine.core import partition
from engine.core.window import Window
from engine.follow import Fold
from engine.journal import Writer, recovery
from engine.stages.gate import Gate
from engine.stages.storing import Storing
from engine.store import Writer as Store
from engine.wire.sections import Header, header_of


class Bug(NamedTuple):
    """A bug. `plant` puts it into the code; `caught_by`: the tests that fail then, as pytest names them."""

    plant: Callable[[pytest.MonkeyPatch], None]
    caught_by: tuple[str, ...]


def skip_the_flush(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Writer, "_flush", lambda *_: None)


def accept_before_the_flush(patch: pytest.MonkeyPatch) -> None:
    admit = Gate.admit

    def too_early(gate: Gate, *arguments: Any) -> Any:
        admitted = admit(gate, *arguments)
        admitted.refused += admitted.accepted  # which leave at once
        admitted.accepted = []
        return admitted

    patch.setattr(Gate, "admit", too_early)


def answer_before_the_transaction(patch: pytest.MonkeyPatch) -> None:
    store = Storing.store

    def too_early(storing: Storing, batches: Any) -> Any:
        with pytest.MonkeyPatch.context() as inside:
            inside.setattr(Store, "commit", lambda *_: None)
            return store(storing, batches)

    patch.setattr(Storing, "store", too_early)


def forget_handled_commands(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Window, "find", lambda *_: None)


def sell_one_segment_less(patch: pytest.MonkeyPatch) -> None:
    take = SeatClass.take

    def short(seats: SeatClass, pick: Any, i: int, j: int) -> None:
        take(seats, pick, i, max(i + 1, j - 1))

    patch.setattr(SeatClass, "take", short)


def believe_the_doorbell(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Fold, "catch_up", lambda *_, **__: None)


def keep_the_torn_tail(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(recovery, "_cut", lambda *_: (None, 0))


def read_the_clock_in_the_core(patch: pytest.MonkeyPatch) -> None:
    def by_the_clock(section: bytes) -> Header:
        return header_of(section)._replace(time_ns=time.time_ns())

    patch.setattr(partition, "header_of", by_the_clock)


def never_check_readers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Store, "check_readers", lambda _: 0)


POWER_CUT = "tests/recovery/test_journal_power_cut.py"
CORE = "tests/unit/engine/core/test_partition.py"
RUN = "tests/unit/domain_12306/aggregates/test_train_run.py"
FOLD = "tests/unit/engine/follow/test_fold.py"
LOOPS = "tests/unit/engine/processes/test_loops.py"

BUGS = {
    "a flush is left out": Bug(
        skip_the_flush, (f"{POWER_CUT}::test_an_acknowledgement_comes_after_the_flush_of_its_batch",)
    ),
    "`accepted` leaves before the flush": Bug(
        accept_before_the_flush, (f"{LOOPS}::test_accepted_leaves_after_the_flush_of_its_batch",)
    ),
    "`committed` leaves before the transaction": Bug(
        answer_before_the_transaction, (f"{LOOPS}::test_committed_leaves_after_the_transaction",)
    ),
    "a command that comes twice takes effect twice": Bug(
        forget_handled_commands,
        (
            f"{CORE}::test_a_committed_command_again_has_no_effect_and_is_left_to_the_store",
            f"{CORE}::test_a_rejected_command_is_rejected_again_though_it_could_succeed_now",
            "tests/unit/tests/test_checker_of_histories.py::test_a_story_without_faults_keeps_every_promise",
        ),
    ),
    "a seat is sold for a segment less": Bug(
        sell_one_segment_less,
        (
            f"{RUN}::test_any_history_keeps_the_rules_and_replays_to_the_same_state",
            "tests/unit/tests/test_checker_of_histories.py::test_a_story_without_faults_keeps_every_promise",
        ),
    ),
    "a view believes the doorbell and never reads the store": Bug(
        believe_the_doorbell,
        (f"{FOLD}::test_a_gap_is_filled_from_the_store_before_what_comes_after_it",),
    ),
    "a torn tail is kept": Bug(
        keep_the_torn_tail, (f"{POWER_CUT}::test_torn_bytes_are_kept_aside_before_they_are_cut",)
    ),
    "the core reads a clock": Bug(
        read_the_clock_in_the_core,
        (
            f"{CORE}::test_a_handler_sees_the_stamp_of_its_own_command",
            "tests/unit/tests/test_checker_of_histories.py::test_a_story_without_faults_keeps_every_promise",
        ),
    ),
    "readers that were killed are never looked for": Bug(
        never_check_readers,
        ("tests/unit/engine/store/test_readers.py::test_a_killed_reader_is_freed_and_a_living_one_is_not",),
    ),
}
