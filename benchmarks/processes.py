"""The cost of a node's processes: CPU time and memory."""

import time

import psutil

from engine import Node


def cpu_seconds(node: Node, client: bool = False) -> dict[str, float]:
    """CPU time of each process of the node so far, its threads and the supervisor included, to the µs;
    and of this process, if asked for."""
    # The clock that clock_getcpuclockid(3) names; times in /proc come in steps of 10 ms.
    pids = {"supervisor": node.pid, **node.pids}
    found = {name: time.clock_gettime(~pid << 3 | 2) for name, pid in pids.items()}
    return found | ({"client": time.process_time()} if client else {})


def memory_mb(node: Node) -> dict[str, int]:
    """Memory that each process has for itself, in MB. Not counted: pages of the event store that it has read,
    which the system shares and takes back as it likes."""
    return {
        name: round((found.rss - found.shared) / 1e6)
        for name, found in ((name, psutil.Process(pid).memory_info()) for name, pid in node.pids.items())
    }


def rss_mb(node: Node) -> dict[str, int]:
    """Resident memory of each process in MB, pages of files that others have as well included."""
    return {name: round(psutil.Process(pid).memory_info().rss / 1e6) for name, pid in node.pids.items()}
