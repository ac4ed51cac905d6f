"""A child whose parent is killed is gone, whatever it is doing."""

import os
import signal
import subprocess
import sys

from tests.deadline import until

CHILD = """
import os
from engine.base.parent import die_with_parent
die_with_parent(os.getppid())
print(flush=True)
while True: pass
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_child_in_an_endless_loop_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    until(lambda: gone(child), 10.0, "the child is gone")


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    text = "from engine.base.parent import die_with_parent; die_with_parent(1 << 22); print('alive')"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
