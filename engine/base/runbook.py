"""The runbook: which of its pages an exit code, a log code or a reason to be busy leads to.

`docs/runbook/` has the pages, and its README.md this table; alerts (`deploy/alerts.yml`) name theirs
themselves. A test holds all of them together. Lines of the log and errors of the command line name the page,
by its path in the repository, because an operator reads one of those first.
"""

from collections.abc import Mapping
from enum import StrEnum

from engine.base.errors import Exit, RingfoldError
from engine.base.log_codes import Code, Level

FOLDER = "docs/runbook"


class Page(StrEnum):
    """A page, by the name of its file."""

    STOPPED = "stopped"
    CONFIGURATION = "configuration"
    DISK_FAULT = "disk-fault"
    CORRUPT_DATA = "corrupt-data"
    INVARIANT_BROKEN = "invariant-broken"
    LOCKED = "locked"
    PROCESS_DOWN = "process-down"
    RESTARTS = "restarts"
    BUSY = "busy"
    NO_ROOM = "no-room"
    MEMORY = "memory"
    BEHIND = "behind"
    DEAD_LETTERS = "dead-letters"
    FAILED = "failed"
    SLOW = "slow"
    CLOCK = "clock"

    @property
    def path(self) -> str:
        """Where it is in the repository."""
        return f"{FOLDER}/{self.value}.md"


EXIT_PAGES: Mapping[Exit, Page] = {
    Exit.OK: Page.STOPPED,
    Exit.CONFIG: Page.CONFIGURATION,
    Exit.DISK_FAULT: Page.DISK_FAULT,
    Exit.CORRUPT: Page.CORRUPT_DATA,
    Exit.INVARIANT: Page.INVARIANT_BROKEN,
    Exit.LOCKED: Page.LOCKED,
    Exit.TEMPORARY: Page.RESTARTS,
}

CODE_PAGES: Mapping[Code, Page] = {
    Code.NODE_NOT_IN_MEMORY: Page.NO_ROOM,
    Code.NODE_CUT_SHORT: Page.STOPPED,
    Code.NODE_GIVES_UP: Page.PROCESS_DOWN,
    Code.PROCESS_RESTARTED: Page.RESTARTS,
    Code.PROCESS_HANGS: Page.RESTARTS,
    Code.PROCESS_FAILED: Page.PROCESS_DOWN,
    Code.PROCESS_BUG: Page.RESTARTS,
    Code.FOLLOWER_FAILED: Page.PROCESS_DOWN,
    Code.WORKER_FAILED: Page.DEAD_LETTERS,
    Code.WORKER_LEFT_BEHIND: Page.CONFIGURATION,
    Code.QUERY_ENDED_PROCESS: Page.RESTARTS,
    Code.GATEWAY_BUG: Page.FAILED,
    Code.DATA_SET_ASIDE: Page.CORRUPT_DATA,
    Code.DATA_OPEN: Page.CONFIGURATION,
    Code.CLOCK_BEHIND: Page.CLOCK,
    Code.CLIENT_REFUSED: Page.BUSY,
    Code.JOURNAL_NO_ROOM: Page.NO_ROOM,
    Code.JOURNAL_NOT_PRUNED: Page.NO_ROOM,
    Code.CORE_HANDLER_BUG: Page.FAILED,
    Code.CORE_APPLIER_BUG: Page.FAILED,
    Code.CORE_UNENCODABLE: Page.FAILED,
    Code.CORE_ONE_BY_ONE: Page.FAILED,
    Code.OUTPUT_NO_ROOM: Page.NO_ROOM,
    Code.SNAPSHOT_NOT_TAKEN: Page.NO_ROOM,
    Code.SNAPSHOT_NOT_USED: Page.CORRUPT_DATA,
    Code.SNAPSHOT_DAMAGED: Page.CORRUPT_DATA,
    Code.VIEW_OTHER_LOG: Page.BEHIND,
    Code.VIEW_DAMAGED: Page.BEHIND,
    Code.VIEW_NOT_SERVED: Page.BEHIND,
    Code.VIEW_OTHER_CODE: Page.BEHIND,
    Code.VIEW_BUILDER_RESTARTED: Page.BEHIND,
    Code.VIEW_BUILDER_GIVEN_UP: Page.BEHIND,
    Code.FOLLOW_NO_ROOM: Page.NO_ROOM,
    Code.FOLLOW_SET_ASIDE: Page.DEAD_LETTERS,
    Code.FOLLOW_DEAD: Page.DEAD_LETTERS,
    Code.FOLLOW_FULL: Page.DEAD_LETTERS,
    Code.MANAGER_LEFT_BEHIND: Page.CONFIGURATION,
    Code.MANAGER_COMMAND_FAILED: Page.FAILED,
    Code.MANAGER_REFUSAL_SET_ASIDE: Page.DEAD_LETTERS,
    Code.MANAGER_REFUSAL_DEAD: Page.DEAD_LETTERS,
    Code.CLUSTER_WORKERS_NOWHERE: Page.CONFIGURATION,
}
"""Every warning and error but those of the testing kit."""

POINTED = frozenset((Exit.DISK_FAULT, Exit.CORRUPT, Exit.INVARIANT, Exit.LOCKED))
"""Of the command line's errors, those that need more than their own line: a slip of typing does not."""


def see(text: str, page: Page | None) -> str:
    """A text or a hint, and the page after it."""
    return "; ".join(filter(None, (text, page.path if page else "")))


def page_for(error: RingfoldError) -> Page | None:
    """The page of an error of the command line, where one is needed."""
    return EXIT_PAGES[error.exit_code] if error.exit_code in POINTED else None


def hint_at(code: Code, hint: str) -> str:
    """The hint of a line of the log: with the page where something has stopped, unless it names one."""
    return hint if FOLDER in hint or code.level is not Level.ERROR else see(hint, CODE_PAGES.get(code))
