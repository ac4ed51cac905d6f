"""Pages: static files of an application, from its package.

    app.pages("shop.pages")              shop/pages/index.html is /
    app.pages("shop.office", at="/office")

All of them are read when the gateway starts, and only these are served, by their exact paths: no path of a
request ever becomes the path of a file. The visitor of an HTML page gets a token of its own
(`engine.gateway.visitors`), unless it has one, or shows another.
"""

import mimetypes
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from engine.base.errors import ConfigError
from engine.gateway.callers import Callers
from engine.gateway.problems import Problem
from engine.gateway.tokens import Tokens
from engine.gateway.visitors import cookie_of, is_ageing, new_visitor, signed, subject_in

INDEX = "index.html"
MOST_BYTES = 64 << 20  # of all pages: they stay in memory
LEFT_OUT = (".py", ".pyc", ".pyi")
KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html", ".svg": "image/svg+xml"}


class File(NamedTuple):
    """One file."""

    content: bytes
    kind: str
    etag: str


class Pages:
    """The route for all paths that are not the gateway's own. `packages`: path → package."""

    def __init__(self, packages: dict[str, str], tokens: Tokens, *, secure: bool) -> None:
        self._tokens, self._secure = tokens, secure
        self.files: dict[str, File] = {}
        for at, package in packages.items():
            self._add(_resources(package), at.rstrip("/"), package)

    async def get(self, request: Request) -> Response:
        """A file."""
        file = self.files.get(request.scope["path"])
        if file is None:
            raise Problem("not-found", f"GET {request.scope['path']}; /openapi.json says what there is")
        headers = {"etag": file.etag, "cache-control": "no-cache"}
        if file.kind.startswith("text/html"):
            self._welcome(request, headers)
        if file.etag in request.headers.get("if-none-match", "").replace("W/", "").split(", "):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers={**headers, "content-type": file.kind})

    def _welcome(self, request: Request, headers: dict[str, str]) -> None:
        """Gives a visitor a token, or a newer one."""
        if "authorization" in request.headers:
            return
        key = self._tokens.visitors_key()
        cookie = Callers.cookie_in(dict(request.scope["headers"]))
        subject = subject_in(cookie, key) if cookie else ""
        if not subject:
            headers["set-cookie"] = cookie_of(new_visitor(key), secure=self._secure)
        elif is_ageing(cookie):
            headers["set-cookie"] = cookie_of(signed(subject, key), secure=self._secure)

    def _add(self, folder: Traversable, at: str, package: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda one: one.name):
            if entry.name.startswith((".", "__")) or entry.name.endswith(LEFT_OUT):
                continue
            path = f"{at}/{entry.name}"
            if entry.is_dir():
                self._add(entry, path, package)
                continue
            file = file_of(entry.name, entry.read_bytes())
            self.files[path] = file
            if entry.name == INDEX:
                self.files[f"{at}/"] = file
        if sum(len(file.content) for file in self.files.values()) > MOST_BYTES:
            raise ConfigError("the pages of an application are too large", package=package, most=MOST_BYTES)


def file_of(name: str, content: bytes) -> File:
    """A file as it is served."""
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    kind = KINDS.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind == "application/json":
        kind += "; charset=utf-8"
    return File(content, kind, f'"{blake2b(content, digest_size=12).hexdigest()}"')


def _resources(package: str) -> Traversable:
    try:
        return files(package)
    except (ImportError, TypeError) as error:
        raise ConfigError("the pages of an application are not there", package=package, error=error) from None
