"""Work in a process of its own, because a damaged page of LMDB ends the one that reads it by a signal."""

import os
from collections.abc import Callable

from engine.base.errors import CorruptData, Exit
from engine.node.child import how_it_ended


def apart(work: Callable[[], bytes], what: object) -> bytes:
    """What `work` returned in a child. CorruptData if the child was ended at it; `what`: was read."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            content = work()
            while content:
                content = content[os.write(write, content) :]
        finally:
            os._exit(Exit.OK)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        result = told.read()
    _, status = os.waitpid(child, 0)
    if not result:
        ended = how_it_ended(os.waitstatus_to_exitcode(status))
        raise CorruptData(f"reading it {ended}", path=what)
    return result
