"""The cheat sheets: about ten examples for each topic, of the application that `ringfold new` makes.

A line is what is typed, and why. A test types all of them.
"""

from typing import NamedTuple


class Example(NamedTuple):
    """What is typed, and what it is for."""

    typed: str
    why: str


class Cheat(NamedTuple):
    """A topic: what it is about, and its examples."""

    about: str
    examples: tuple[Example, ...]


def _cheat(about: str, *examples: tuple[str, str]) -> Cheat:
    return Cheat(about, tuple(Example(*example) for example in examples))


CHEATS = {
    "start": _cheat(
        "from nothing to a node that runs",
        ("ringfold new shop", "a small application, in a folder of its own"),
        ("ringfold dev", "run it, and again on every change"),
        ("ringfold dev app.py --fresh", "the same, on no data"),
        ("ringfold describe", "what it says and hears"),
        ("ringfold serve", "run it for good, with the settings of pyproject.toml"),
        ("ringfold serve --data ./data --http 127.0.0.1:7380", "on another directory, by HTTP too"),
        ("ringfold status", "what each process does"),
        ("ringfold query", "what can be asked"),
        ("ringfold events read --limit 10", "what has happened"),
        ("ringfold completion bash", "a file for the Tab key"),
    ),
    "ask": _cheat(
        "reading from views",
        ("ringfold query", "all that can be asked"),
        ("ringfold query boxes", "what one view can be asked"),
        ("ringfold query boxes all", "a query without arguments"),
        ("ringfold query boxes all limit=2", "with one"),
        ("ringfold query boxes all after=box-1 limit=2", "the next page"),
        ("ringfold query boxes box box=box-1", "one row"),
        ("ringfold query boxes box box=box-1 --at-least 0:1", "when the view has come that far"),
        ("ringfold query boxes all --timeout 30", "wait for longer"),
        ("ringfold query boxes all --json", "for programs"),
        ("ringfold describe --json", "the types of all queries, as JSON Schema"),
    ),
    "events": _cheat(
        "what has happened, and why",
        ("ringfold events read", "all of it, the oldest first"),
        ("ringfold events read --backward --limit 5", "the newest"),
        ("ringfold events read --type box.put-in", "of one type"),
        ("ringfold events read --aggregate box-1", "of one aggregate"),
        ("ringfold events read --from 2", "from a position on"),
        ("ringfold events tail --last 2 --limit 2", "the last ones, then each new one"),
        ("ringfold events export all.jsonl", "into a file"),
        ("ringfold aggregate show box-1", "what an aggregate remembers"),
        ("ringfold aggregate show box-1 --at-version 1", "and what it did then"),
        ("ringfold trace 019ab0f3a1c07d2e8f4455a1b2c3d4e5", "what led to a command, and what it led to"),
    ),
    "views": _cheat(
        "views and process managers",
        ("ringfold view list", "versions, and how far each is"),
        ("ringfold view rebuild boxes", "build one again, beside the one that answers"),
        ("ringfold view rebuild boxes --no-wait", "and do not wait for it"),
        ("ringfold follower list", "all of them, and what is wrong with them"),
        ("ringfold dead-letter list", "what they failed on"),
        ("ringfold dead-letter list boxes", "of one"),
        ("ringfold dead-letter retry boxes", "again, after the code was mended"),
        ("ringfold check", "whether today's code can read all that is stored"),
        ("ringfold replay-check", "whether it would decide the same"),
        ("ringfold status --json", "lags, for programs"),
    ),
    "trouble": _cheat(
        "something may be wrong",
        ("ringfold health", "one line; exit code 0, 1 or 2"),
        ("ringfold health --lag-warning 5 --lag-critical 30", "other thresholds"),
        ("ringfold status", "states, lags, restarts"),
        ("ringfold top", "rates, and how full the rings are"),
        ("ringfold top --every 0.2 --count 2 --json", "the same for programs"),
        ("ringfold doctor", "one text for a ticket"),
        ("ringfold doctor --lines 200", "with more of the log"),
        ("ringfold follower list", "what was given up, and why"),
        ("ringfold dead-letter list", "what is set aside, and where it failed"),
        ("ringfold journal verify", "whether every command can be read"),
    ),
    "data": _cheat(
        "keeping data, and looking after them",
        ("ringfold snapshot take", "so that the next start is short; of `serve`, as `dev` takes none"),
        ("ringfold snapshot list", "which there are"),
        ("ringfold snapshot verify --events", "whether they are what the events make"),
        ("ringfold journal verify", "the journal, byte by byte"),
        ("ringfold journal dump --commands --after 1", "its commands"),
        ("ringfold store verify", "event stores, views and process managers"),
        ("ringfold check", "whether the code can read the events"),
        ("ringfold events export backup.jsonl", "all events, as JSON"),
        ("ringfold doctor --json", "sizes and positions, also of a stopped node"),
        ("ringfold restore ./copy --data ./restored --none-forgotten", "from a copy, all of it checked"),
    ),
    "settings": _cheat(
        "what is set, and where it came from",
        ("ringfold config", "each setting, its value and its origin"),
        ("ringfold config --json", "the same for programs"),
        ("ringfold config --ring-bytes 8MiB", "a flag comes first"),
        ("RINGFOLD_STOP_SECONDS=30 ringfold config", "then a variable"),
        ("ringfold config --app app:app", "with the application's own settings"),
        ("ringfold serve --partitions 2 --data ./two", "fixed when the directory is made"),
        ("ringfold serve --log-format json --data ./two", "a log for programs"),
        ("ringfold serve --help", "what each setting means"),
        ("ringfold doctor", "the settings of the node that runs"),
        ("ringfold clock", "what its clock shows"),
    ),
    "http": _cheat(
        "the same by HTTP (docs/HTTP.md)",
        ("curl http://127.0.0.1:7380/health/ready", "whether it is ready"),
        ("curl http://127.0.0.1:7380/openapi.json", "what it can be told and asked"),
        (
            'curl -H \'Content-Type: application/json\' -d \'{"aggregate": "box-1", "pieces": 3}\''
            " http://127.0.0.1:7380/api/commands/box.put",
            "a command",
        ),
        ("curl http://127.0.0.1:7380/api/views/boxes/all", "a query"),
        ("curl 'http://127.0.0.1:7380/api/views/boxes/box?box=box-1&at_least=0:1'", "with arguments"),
        ("curl http://127.0.0.1:7380/metrics", "for Prometheus"),
        ("ringfold tokens new alice --role operator", "from now on callers show a token"),
        ("ringfold tokens list", "which there are"),
        ("ringfold tokens revoke alice", "this one is refused"),
        ("ringfold audit", "who did what"),
    ),
}
