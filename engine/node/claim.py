"""The claim on the endpoint of commands, which is taken before any process of the node starts.

    ipc://PATH        what is there?                           what is done
    ------------------------------------------------------------------------------------------
    nothing                                                    the claim is taken
    no socket (a file, a folder, a link)                       refused; it stays as it is
    a socket that a program serves (it takes a connection)     refused
    a socket that no program serves any more                   removed, and the claim is taken

    tcp://HOST:PORT   a port that is in use, or that this user may not have, is refused

ZeroMQ removes whatever lies at the path of a socket that it binds, so all of this has to come first. Between
this look and the binding two nodes are kept apart by a lock beside the socket, `PATH.lock`, which is gone
when the node has stopped.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.base.errors import ConfigError
from engine.base.lock import try_lock

FRESH = "leave endpoint empty to have a fresh one"


@contextlib.contextmanager
def claimed(endpoint: str) -> Iterator[None]:
    """Holds the claim on an endpoint that the settings name (empty: there is nothing to claim). Raises
    ConfigError if a node cannot take commands there."""
    with _locked(endpoint):
        expect_free(endpoint)
        yield


def expect_free(endpoint: str) -> None:
    """ConfigError if the endpoint is taken. A socket that no program serves any more is removed."""
    if endpoint.startswith("ipc://"):
        _expect_free_path(endpoint)
    elif endpoint:
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as ZeroMQ does
            try:
                probe.bind((host, int(port)))
                probe.listen(1)
            except OSError as error:
                raise _refusal("the port cannot be used", endpoint, error) from None


@contextlib.contextmanager
def _locked(endpoint: str) -> Iterator[None]:
    if not endpoint.startswith("ipc://"):
        yield
        return
    path = Path(endpoint.removeprefix("ipc://"))
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = _lock(lock)
    except OSError as error:
        raise _refusal("a socket cannot be made there", endpoint, error) from None
    if descriptor is None:
        raise ConfigError("another node takes commands there", endpoint=endpoint, hint=FRESH)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path) -> int | None:
    """The descriptor of the lock, or None if another process holds it. A lock on a file that its holder
    has removed meanwhile locks no process out, and is taken again."""
    while True:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise FileExistsError(f"{path} is not a lock")
        descriptor = try_lock(path)
        if descriptor is None:
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _expect_free_path(endpoint: str) -> None:
    path = Path(endpoint.removeprefix("ipc://"))
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refusal("a socket cannot be made there", endpoint, error) from None
    if not stat.S_ISSOCK(mode):
        raise ConfigError("what lies there is not a socket, and stays", endpoint=endpoint, hint=FRESH)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        except FileNotFoundError:
            return
        except OSError:  # a full backlog, another kind of socket, one of another user: it is in use
            pass
    raise ConfigError("another program serves that socket", endpoint=endpoint, hint=FRESH)


def _refusal(text: str, endpoint: str, error: OSError) -> ConfigError:
    return ConfigError(text, endpoint=endpoint, error=error.strerror or str(error), hint=FRESH)
