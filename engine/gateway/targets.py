"""Targets: the path that a request names, which can be read in one way only.

Every route, and with it who may, is decided by `scope["path"]`, in which escapes are resolved. A proxy in
front may decide by the path as it came. Where both could differ the request is refused:

    /api%2fnode    /api/nod%65    an escape for what needs none, outside of the id of an aggregate
    /api/%zz    /api/%ff          a broken escape, or bytes that are not UTF-8: others may read them otherwise
    http://other/api/node         a host in the target that is not the one in Host
    /api/node#x    *              what no client asks for

Ids of aggregates may have slashes and dots, and these may be escaped there: some clients escape all they are
given.
"""

import re
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from engine.gateway.problems import Problem

TARGET = "ringfold.target"  # in the scope of a request: the target as it came

_ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
_BROKEN = re.compile(rb"%(?![0-9a-f]{2})", re.IGNORECASE)
_NEEDLESS = re.compile(  # letters, digits, - . _ ~, and what another program might take for a / or an escape
    rb"%(?:2[5def]|3\d|[46][1-9a-f]|5[\dacf]|7[\dae])", re.IGNORECASE
)
_BEFORE_AN_ID = re.compile(rb"/api/aggregates/|/api/node/process-managers/[^/]+/instances/")


def check_target(scope: Scope, host: bytes) -> None:
    """Raises Problem for a target that could be read in two ways. `host`: the Host header."""
    target: bytes = scope.get(TARGET, scope["raw_path"])
    if absolute := _ABSOLUTE.match(target):
        if absolute[1].lower() != host.lower():
            raise Problem("unknown-host", "the target names another host than the Host header")
    elif not target.startswith(b"/"):
        raise Problem("bad-request", "the target of a request is a path")
    path: bytes = scope["raw_path"]
    if b"#" in target or _BROKEN.search(path) or not _is_utf_8(path):
        raise Problem("bad-request", "the path has what is no escape, no UTF-8, or no part of a path")
    before = _BEFORE_AN_ID.match(path)
    if needless := _NEEDLESS.search(path[: before.end()] if before else path):
        text = f"{needless[0].decode()} stands in the path for what needs no escape there"
        raise Problem("bad-request", text)


def _is_utf_8(path: bytes) -> bool:
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return False
    return True
