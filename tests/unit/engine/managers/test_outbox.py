"""The outbox keeps the commands of one save together, and forgets each of them for itself."""

from collections.abc import Iterable

import msgspec
import pytest

from engine.managers.outbox import Outbox
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from tests.unit.engine.managers.relay import PostParcel

NO = Refusal("rejected", "full", "")


class Disk:
    """What was saved, as a follower's folder keeps it."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def save(self, outbox: Outbox) -> None:
        for key, value in outbox.changes():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        outbox.durable()

    def read(self) -> Outbox:
        outbox = Outbox()
        outbox.load(sorted(self.rows.items()), decode)
        return outbox


def decode(body: bytes) -> Command:
    return msgspec.json.decode(body, type=PostParcel)


def parcels(count: int) -> list[Command]:
    return [PostParcel(f"p{k}", box="a") for k in range(count)]


def add(outbox: Outbox, commands: Iterable[Command]) -> None:
    for command in commands:
        outbox.add(command, msgspec.json.encode(command))


def remove(outbox: Outbox, *commands: Command) -> None:
    for command in commands:
        entry = outbox.find(command.id)
        assert entry is not None
        outbox.remove(entry)


def leaving(outbox: Outbox) -> list[Command]:
    return [entry.command for entry in outbox.leaving(1_000_000)]


def test_commands_of_one_save_are_one_row_however_many_there_are() -> None:
    outbox, disk = Outbox(), Disk()
    add(outbox, parcels(500))
    disk.save(outbox)
    assert len(disk.rows) == 1
    assert not outbox.changed


def test_after_a_restart_all_that_was_not_answered_leaves_in_order() -> None:
    outbox, disk, commands = Outbox(), Disk(), parcels(2_500)
    add(outbox, commands[:1_200])
    disk.save(outbox)
    add(outbox, commands[1_200:])
    disk.save(outbox)
    remove(outbox, *commands[5:2_400])
    disk.save(outbox)
    assert leaving(disk.read()) == commands[:5] + commands[2_400:]


def test_an_answer_that_was_not_saved_is_asked_for_again() -> None:
    outbox, disk, commands = Outbox(), Disk(), parcels(3)
    add(outbox, commands)
    disk.save(outbox)
    remove(outbox, commands[1])
    assert leaving(disk.read()) == commands


def test_nothing_is_left_on_disk_or_counted_once_all_is_answered() -> None:
    outbox, disk, commands = Outbox(), Disk(), parcels(30)
    add(outbox, commands)
    disk.save(outbox)
    assert outbox.saved_bytes > 0
    remove(outbox, *commands[:7])
    disk.save(outbox)
    again = disk.read()
    assert again.saved_bytes == outbox.saved_bytes
    remove(again, *commands[7:])
    disk.save(again)
    assert disk.rows == {}
    assert again.saved_bytes == 0


def test_what_is_answered_before_it_was_saved_is_never_saved_and_does_not_leave() -> None:
    outbox, disk, commands = Outbox(), Disk(), parcels(3)
    add(outbox, commands)
    remove(outbox, commands[1])
    disk.save(outbox)
    kept = [commands[0], commands[2]]
    assert leaving(outbox) == kept
    assert leaving(disk.read()) == kept


def test_a_refusal_is_kept_with_its_command_until_it_is_dealt_with() -> None:
    outbox, disk, commands = Outbox(), Disk(), parcels(3)
    add(outbox, commands)
    disk.save(outbox)
    entry = outbox.find(commands[1].id)
    assert entry is not None
    outbox.refused(entry, NO)
    disk.save(outbox)
    again = disk.read()
    (found,) = again.refusals()
    assert (found.command, found.refusal) == (commands[1], NO)
    assert leaving(again) == [commands[0], commands[2]]
    again.remove(found)
    disk.save(again)
    assert disk.read().refusals() == []


def test_what_an_earlier_release_saved_leaves_and_is_saved_again_as_today() -> None:
    disk, commands = Disk(), parcels(3)
    for number, command in enumerate(commands, 17):
        refusal = NO if number == 18 else None
        body = msgspec.Raw(msgspec.json.encode(command))
        disk.rows[number.to_bytes(8, "big")] = msgspec.json.encode([body, refusal])
    earlier = set(disk.rows)
    outbox = disk.read()
    assert outbox.wants_out
    disk.save(outbox)
    assert earlier.isdisjoint(disk.rows)
    for one in (outbox, disk.read()):
        assert leaving(one) == [commands[0], commands[2]]
        assert [entry.command for entry in one.refusals()] == [commands[1]]


def test_a_command_that_is_gone_is_not_read_again_since_its_class_may_be_gone_too() -> None:
    outbox, disk = Outbox(), Disk()
    gone, waits = parcels(2)
    add(outbox, [gone, waits])
    disk.save(outbox)
    remove(outbox, gone)
    disk.save(outbox)

    def only_what_waits(body: bytes) -> Command:
        assert waits.id.encode() in body
        return decode(body)

    again = Outbox()
    again.load(sorted(disk.rows.items()), only_what_waits)
    assert leaving(again) == [waits]


def test_a_row_is_not_larger_than_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.managers.outbox.BYTES_TOGETHER", 200)
    outbox, disk = Outbox(), Disk()
    add(outbox, parcels(7))
    disk.save(outbox)
    assert len(disk.rows) > 2
    assert max(map(len, disk.rows.values())) < 400
    assert leaving(disk.read()) == leaving(outbox)
