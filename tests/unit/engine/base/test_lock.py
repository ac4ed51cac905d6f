import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base.errors import Exit, Fault, Locked
from engine.base.lock import is_held, lock_data, try_lock
from tests.deadline import until

# Holds the lock with its parent's descriptor until its standard input ends.
HOLDER = "import sys; sys.stdin.read()"
# Locks, hands the descriptor to such a holder, and is gone.
PARENT = f"""
import subprocess, sys
from pathlib import Path
from engine.base.lock import lock_data
fd = lock_data(Path(sys.argv[1]) / "lock")
subprocess.Popen([sys.executable, "-c", {HOLDER!r}], pass_fds=[fd], stdout=subprocess.DEVNULL)
"""


def test_a_second_lock_is_refused_with_the_pid_of_the_holder(tmp_path: Path) -> None:
    descriptor = lock_data(tmp_path / "lock")
    with pytest.raises(Locked) as caught:
        lock_data(tmp_path / "lock")
    assert caught.value.exit_code == Exit.LOCKED
    assert f"pid={os.getpid()}" in str(caught.value)
    os.close(descriptor)
    os.close(lock_data(tmp_path / "lock"))


def test_the_lock_of_a_dead_supervisor_holds_as_long_as_a_child_lives(tmp_path: Path) -> None:
    read, write = os.pipe()
    subprocess.run([sys.executable, "-c", PARENT, str(tmp_path)], stdin=read, check=True)
    os.close(read)
    assert is_held(tmp_path / "lock")
    with pytest.raises(Locked, match="another node"):
        lock_data(tmp_path / "lock", patience_s=0.1)
    os.close(write)
    os.close(lock_data(tmp_path / "lock", patience_s=10.0))


def test_a_free_lock_is_not_held(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    descriptor = try_lock(tmp_path / "lock")
    assert descriptor is not None
    assert is_held(tmp_path / "lock")
    os.close(descriptor)
    until(lambda: not is_held(tmp_path / "lock"))


def test_a_lock_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be locked"):
        lock_data(tmp_path / "absent" / "lock")
