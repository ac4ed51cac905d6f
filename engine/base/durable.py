"""Files that are replaced whole: manifest, cursors, notes of what may be deleted.

    1  the new content goes to a file beside it, under another name, and is flushed
    2  that file takes the name
    3  the folder is flushed, and only now may anything rely on the new content

A reader, or a start after a power cut at any moment, finds the old content or the new one, never a part.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from engine.base.files import DISK, Files, write_all
from engine.base.seals import seal_note, unseal_note

NEW = ".new"  # ends the name of the file beside


@contextlib.contextmanager
def replacing(path: Path, files: Files = DISK, *, beside: str = "") -> Iterator[int]:
    """An empty file, open for writing, that takes the place of `path` at the end of the `with` block.

    `beside`: its name until then (the name of `path` with `.new`). OSError, or any other exception in the
    block: `path` is what it was. What is left beside it does no harm: the next writer begins it again.
    """
    fresh = path.with_name(beside or path.name + NEW)
    file = files.create(fresh)
    try:
        yield file
        files.flush_all(file)
    finally:
        files.close(file)
    files.rename(fresh, path)
    files.flush_folder(path.parent)


def replace_file(path: Path, content: bytes, files: Files = DISK) -> None:
    """Replaces the content of a file, or makes the file. OSError: it is what it was, or the new content."""
    with replacing(path, files) as file:
        write_all(files, file, [content], 0)


def replace_note(path: Path, text: bytes, files: Files = DISK) -> None:
    """Replaces a file that has a seal. `text`: ends with a line feed."""
    replace_file(path, seal_note(text), files)


def read_note(path: Path, files: Files = DISK) -> bytes:
    """The text of such a file. Raises OSError, and SealBroken, which is one of NOT_DECODABLE."""
    return unseal_note(read_file(path, files))


def read_file(path: Path, files: Files = DISK) -> bytes:
    """The content of a file. Raises OSError, FileNotFoundError among them."""
    file = files.open(path)
    try:
        return files.read(file, files.size(file), 0)
    finally:
        files.close(file)
