"""Bugs that are planted on purpose, and for each the tests that must notice it.

    name → (what is done to the code, tests that fail then)
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from domain_12306.seating.gaps import SeatClass
from engine.cluster.ledger import Decided, Ledger
from engine.cluster.memory_logs import LogEnd
from engine.core import partition
from engine.core.partition import Partition
from engine.core.window import Window
from engine.follow import Fold
from engine.journal import Writer, recovery
from engine.stages.gate import Gate
from engine.stages.storing import Storing
from engine.store import Reader
from engine.store import Writer as Store
from engine.store.place import Place
from engine.wire.replicated import decode_decision
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


def settle_by_the_stored_sequence(patch: pytest.MonkeyPatch) -> None:
    go_back = Partition.go_back

    def by_stored(core: Partition, *arguments: Any, settled: int | None = None, **more: Any) -> None:
        go_back(core, *arguments, **more)

    patch.setattr(Partition, "go_back", by_stored)


def believe_a_refusal_at_once(patch: pytest.MonkeyPatch) -> None:
    append = Ledger._append

    class Now(Exception):
        pass

    def no_patience(_: float) -> None:
        raise Now

    def at_once(ledger: Ledger, batches: Any) -> Any:
        with pytest.MonkeyPatch.context() as inside:
            inside.setattr(ledger, "_wait", no_patience)
            try:
                return append(ledger, batches)
            except Now:
                return []

    patch.setattr(Ledger, "_append", at_once)


def forget_rejections_of_others(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reader, "outcomes_since", lambda *_: iter(()))


def answer_before_the_append(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "decide", lambda _, batches: Decided(list(batches), [], False))


def skip_a_gap(patch: pytest.MonkeyPatch) -> None:
    after = Place.after

    def anywhere(place: Place, decision: int, message: bytes) -> Any:
        found = decode_decision(message)
        before = place._replace(
            decision=decision - 1, sequence=found.batches[0].first_sequence - 1, digest=found.before
        )
        return after(before, decision, message)

    patch.setattr(Place, "after", anywhere)


def append_without_a_fence(patch: pytest.MonkeyPatch) -> None:
    append = LogEnd.append
    patch.setattr(LogEnd, "append", lambda end, body, _after=None: append(end, body))


POWER_CUT = "tests/recovery/test_journal_power_cut.py"
CORE = "tests/unit/engine/core/test_partition.py"
RUN = "tests/unit/domain_12306/aggregates/test_train_run.py"
FOLD = "tests/unit/engine/follow/test_fold.py"
TWO, LEDGER = (f"tests/unit/engine/cluster/test_{name}.py" for name in ("two_owners", "ledger"))
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
    "a cluster: flights are settled by the stored sequence": Bug(
        settle_by_the_stored_sequence,
        (
            f"{TWO}::test_what_another_node_has_decided_is_undone_even_if_its_sequences_are_stored",
            "tests/unit/engine/core/test_going_back.py::test_only_what_was_stored_of_this_node_is_settled",
        ),
    ),
    "a cluster: a refused append is taken for a conflict at once": Bug(
        believe_a_refusal_at_once,
        (
            f"{LEDGER}::test_an_append_without_a_sure_answer_is_one_s_own_if_its_message_is_at_the_place",
            f"{LEDGER}::test_a_refused_append_is_no_conflict_before_another_message_is_seen",
        ),
    ),
    "a cluster: rejections of other nodes are forgotten": Bug(
        forget_rejections_of_others,
        (
            f"{TWO}::test_a_rejection_of_another_node_is_remembered",
            f"{TWO}::test_a_rejection_of_another_node_is_remembered_by_who_goes_back",
        ),
    ),
    "a cluster: it is answered before the append": Bug(
        answer_before_the_append, (f"{TWO}::test_nothing_is_answered_before_a_majority_has_it",)
    ),
    "a cluster: a follower skips a gap": Bug(
        skip_a_gap,
        (
            f"{LEDGER}::test_a_follower_does_not_skip_what_is_missing",
            "tests/unit/engine/store/test_place.py::test_a_gap_is_named_and_never_skipped",
        ),
    ),
    "a cluster: the assignment is believed, without a fence": Bug(
        append_without_a_fence,
        (f"{LEDGER}::test_what_another_node_decided_first_is_stored_instead_and_the_rest_is_superseded",),
    ),
}
