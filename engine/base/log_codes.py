"""Every code that a log line of a node may have: stable, so that alerts can be built on them.

The first word of a code is the part of the node that speaks. A code's level never changes with the occasion.
docs/LOG.md is this table as a page; a test holds the two together.
"""

from enum import Enum, StrEnum


class Level(StrEnum):
    """How much a line matters to an operator."""

    INFO = "info"  # the node does what it should
    WARNING = "warning"  # it goes on, but there is something to look at
    ERROR = "error"  # something has stopped, or needs an operator


class Code(Enum):
    """A code: its name, its level, and what it says."""

    text: str
    level: Level
    meaning: str

    def __init__(self, text: str, level: Level, meaning: str) -> None:
        self.text, self.level, self.meaning = text, level, meaning

    NODE_STARTING = "node.starting", Level.INFO, "Once a second until the node is ready: what it waits for."
    NODE_NOT_IN_MEMORY = (
        "node.not-in-memory",
        Level.WARNING,
        "Shared memory has no room for the rings: they lie elsewhere, and on a disk that is slower.",
    )
    NODE_READY = "node.ready", Level.INFO, "Every process is at work."
    NODE_STOPPING = "node.stopping", Level.INFO, "A signal asked the node to stop; it drains."
    NODE_CUT_SHORT = (
        "node.cut-short",
        Level.WARNING,
        "Processes did not stop in time and were killed; the next start replays what they had in hand.",
    )
    NODE_GIVES_UP = (
        "node.gives-up",
        Level.ERROR,
        "A process ended in a way that restarting cannot mend, or too often; the node stops.",
    )

    PROCESS_RESTARTED = "process.restarted", Level.WARNING, "A process ended and is started again."
    PROCESS_HANGS = "process.hangs", Level.WARNING, "A process made no progress for too long and is killed."
    PROCESS_FAILED = "process.failed", Level.ERROR, "What ended a process, as it said itself."
    PROCESS_BUG = "process.bug", Level.ERROR, "An exception that nothing in the process expected ended it."

    FOLLOWER_FAILED = (
        "follower.failed",
        Level.ERROR,
        "A follower (view, process manager, worker) could not be kept running; a stand-in answers for it.",
    )
    FOLLOWER_RETRIED = "follower.retried", Level.INFO, "An operator asked for a follower that was given up."

    WORKER_FAILED = (
        "worker.failed",
        Level.ERROR,
        "A handler of a worker failed, and is tried again; later events of its aggregate wait.",
    )
    WORKER_BORN_LATE = (
        "worker.born-late",
        Level.INFO,
        "A worker is new to a data directory: it handles what comes, and nothing that was accepted before.",
    )
    WORKER_LEFT_BEHIND = (
        "worker.left-behind",
        Level.WARNING,
        "A worker that the application does not have keeps what is in its folder, and its events wait.",
    )

    QUERY_ENDED_PROCESS = (
        "query.ended-process",
        Level.WARNING,
        "A view or process manager ended while it answered a query; after the second time that is refused.",
    )

    DATA_SET_ASIDE = (
        "data.set-aside",
        Level.WARNING,
        "Something else was in the place of what is made again, such as a file in that of a folder.",
    )

    GATEWAY_BUG = (
        "gateway.bug",
        Level.ERROR,
        "A request to the gateway met an exception that nothing expected; it was answered 500.",
    )

    DATA_OPEN = "data.open", Level.WARNING, "Other users may enter the data directory."
    CLOCK_BEHIND = (
        "clock.behind",
        Level.WARNING,
        "The clock is behind the time of the last command: it was ahead before, or was set back.",
    )
    CLOCK_CAUGHT_UP = "clock.caught-up", Level.INFO, "The clock has passed the time of the last command."
    CLOCK_SIMULATED = (
        "clock.simulated",
        Level.INFO,
        "The data directory was made with a simulated clock (setting `clock`), which the node goes by.",
    )

    APP_OUTPUT = (
        "app.output",
        Level.INFO,
        "What the application, or a library of its, wrote to standard output or error.",
    )

    CLIENT_REFUSED = (
        "client.refused",
        Level.WARNING,
        "Connections were shut down, or messages dropped, because they were beyond a bound.",
    )

    JOURNAL_RECOVERED = "journal.recovered", Level.INFO, "What the start found at the end of the journal."
    JOURNAL_NO_ROOM = (
        "journal.no-room",
        Level.WARNING,
        "The journal's disk is full; commands are answered busy.",
    )
    JOURNAL_PRUNED = (
        "journal.pruned",
        Level.INFO,
        "Segments that are no longer needed were removed or archived.",
    )
    JOURNAL_NOT_PRUNED = (
        "journal.not-pruned",
        Level.WARNING,
        "Segments could not be removed; it is tried again later.",
    )

    CORE_HANDLER_BUG = (
        "core.handler-bug",
        Level.WARNING,
        "A command's handler raised; it was answered failed.",
    )
    CORE_APPLIER_BUG = (
        "core.applier-bug",
        Level.WARNING,
        "An applier raised; its command was answered failed.",
    )
    CORE_UNENCODABLE = (
        "core.unencodable",
        Level.WARNING,
        "Events of one of these commands cannot be encoded; it was answered failed.",
    )
    CORE_ONE_BY_ONE = (
        "core.one-by-one",
        Level.WARNING,
        "Commands are run one by one for a moment, to find the one with a bug.",
    )
    CORE_GOES_BACK = (
        "core.goes-back",
        Level.INFO,
        "An append from outside came first; what was decided without it is decided again.",
    )

    OUTPUT_CONFLICT = (
        "output.conflict",
        Level.INFO,
        "What was to be stored does not fit an append from outside.",
    )
    OUTPUT_NO_ROOM = (
        "output.no-room",
        Level.WARNING,
        "The event store has no room; nothing is answered until it has.",
    )

    SNAPSHOT_TAKEN = "snapshot.taken", Level.INFO, "A snapshot of a partition is durable."
    SNAPSHOT_NOT_TAKEN = (
        "snapshot.not-taken",
        Level.WARNING,
        "No snapshot could be taken; it is tried again later.",
    )
    SNAPSHOT_NOT_USED = (
        "snapshot.not-used",
        Level.WARNING,
        "A snapshot cannot be used; the one before it, or the event store, is.",
    )
    SNAPSHOT_DAMAGED = "snapshot.damaged", Level.WARNING, "A snapshot of an earlier life is damaged."

    VIEW_OTHER_LOG = (
        "view.other-log",
        Level.WARNING,
        "A view was made from another log, as before a restore; it is built again.",
    )
    VIEW_DAMAGED = "view.damaged", Level.WARNING, "What was saved of a view is damaged; it is built again."
    VIEW_BUILDING = "view.building", Level.INFO, "A view is built beside the one that is served."
    VIEW_SERVED = "view.served", Level.INFO, "What was built is served from now on."
    VIEW_NOT_SERVED = (
        "view.not-served",
        Level.ERROR,
        "What was built cannot be served; the one before still is.",
    )
    VIEW_OTHER_CODE = (
        "view.other-code",
        Level.WARNING,
        "The code of a view has changed without a new version; what it made before stays in the view.",
    )
    VIEW_BUILDER_RESTARTED = "view.builder-restarted", Level.WARNING, "A builder ended and is started again."
    VIEW_BUILDER_GIVEN_UP = (
        "view.builder-given-up",
        Level.ERROR,
        "A builder is not started again; the view before is still served.",
    )

    FOLLOW_NO_ROOM = (
        "follow.no-room",
        Level.WARNING,
        "The disk has no room to save a view or a process manager.",
    )
    FOLLOW_SET_ASIDE = (
        "follow.set-aside",
        Level.WARNING,
        "A handler failed on a commit; its aggregate is set aside and retried.",
    )
    FOLLOW_DEAD = "follow.dead", Level.ERROR, "Retries did not help; the aggregate stays set aside."
    FOLLOW_RESUMED = "follow.resumed", Level.INFO, "An aggregate is no longer set aside."
    FOLLOW_DROPPED = "follow.dropped", Level.INFO, "An operator dropped the commit that failed."
    FOLLOW_FULL = "follow.full", Level.ERROR, "Too many aggregates are set aside; nothing more is applied."

    MANAGER_BORN_LATE = (
        "manager.born-late",
        Level.INFO,
        "A process manager is new here; what was accepted before is history to it.",
    )
    MANAGER_LEFT_BEHIND = (
        "manager.left-behind",
        Level.WARNING,
        "A process manager that the application does not have keeps what it had to send.",
    )
    MANAGER_COMMAND_FAILED = (
        "manager.command-failed",
        Level.WARNING,
        "A command that it sent was answered failed, and no handler has that.",
    )
    MANAGER_REFUSAL_SET_ASIDE = (
        "manager.refusal-set-aside",
        Level.WARNING,
        "The handler of a refusal failed; it is retried.",
    )
    MANAGER_REFUSAL_DEAD = (
        "manager.refusal-dead",
        Level.ERROR,
        "Retries did not help; the refusal stays set aside.",
    )
    MANAGER_REFUSAL_DROPPED = "manager.refusal-dropped", Level.INFO, "An operator dropped a refusal."

    CLUSTER_WORKERS_NOWHERE = (
        "cluster.workers-nowhere",
        Level.WARNING,
        "The node that `cluster_workers` names is not there, so no worker runs.",
    )

    KIT_RETRIED = (
        "kit.retried",
        Level.WARNING,
        "In the testing kit: a step failed and was retried, as a restart would.",
    )
