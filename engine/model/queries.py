"""Queries: methods of a projection that answer, with their arguments as their signature says.

    @query
    def by_author(self, view: Table[NoteRow], author: str, limit: int = 20) -> list[NoteRow]: ...

is asked as `by_author` with `{"author": …, "limit": …}`. From the signature a struct is built: what is
missing, unknown or of another type is refused before the method runs, and what may be asked can be described.
A method whose only argument is annotated with a struct of its own is asked with the fields of that struct.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, overload

import msgspec

from engine.model.access import Access, access_of, expect_own
from engine.model.marks import mark, wrong
from engine.model.parameters import Parameter, is_table, parameters_of, return_hint, row_types
from engine.model.readable import unreadable

OPTIONS = ("at_least", "predicate", "timeout_s")  # of `Client.query` and `until`, beside the arguments
F = TypeVar("F", bound=Callable[..., Any])


@overload
def query(method: F, /) -> F: ...
@overload
def query(name: str = "", /, *, may: str | None = None, own: str = "") -> Callable[[F], F]: ...
def query(what: Any = "", /, *, may: str | None = None, own: str = "") -> Any:
    """Marks a method `(self, …)` or `(self, view, …)` that answers a query; its name on the wire is that of
    the method, or the one that is given: `@query("by-author")`.

    `may`, `own`: who may ask it from outside, and which argument must name that caller
    (`engine.model.access`)."""

    def marked(method: F) -> F:
        mark(method, "__query__", what if isinstance(what, str) and what else method.__name__)
        vars(method)["__access__"] = (may, own)
        return method

    return marked if isinstance(what, str) else marked(what)


class Query(NamedTuple):
    """A method that answers.

    `request`: the struct that its arguments are decoded to. `spread`: True if the method takes its fields
    one by one, False if it takes the struct itself. `returns`: the annotation of what it returns, Any if
    there is none. `rows`: the row type that it gives the view, if it does. `access`: who may ask it.
    """

    attribute: str
    request: type[msgspec.Struct]
    wants_view: bool
    spread: bool = True
    returns: Any = Any
    rows: tuple[Any, ...] = ()
    access: Access = Access()


def query_of(attribute: str, method: Callable[..., Any]) -> Query:
    """What a marked method answers. ConfigError for a signature that says too little or cannot be decoded."""
    parameters = parameters_of(method)
    wants_view = bool(parameters) and is_table(parameters[0].hint)
    arguments = parameters[wants_view:]
    for argument in arguments:
        if argument.name in OPTIONS:
            raise wrong(method, f"takes an argument {argument.name}, which a client keeps for itself")
        if argument.hint is inspect.Parameter.empty:
            raise wrong(method, f"does not say of which type {argument.name} is: annotate it")
        if is_table(argument.hint):
            raise wrong(method, f"takes the view as {argument.name}: it must be the first parameter")
    rows = tuple(row_types(parameters[:wants_view]))
    returns = return_hint(method)
    if len(arguments) == 1 and _is_struct(arguments[0].hint):
        request, spread = arguments[0].hint, False
    else:
        request, spread = _struct_of(method, arguments), True
    if why := unreadable(request):
        raise wrong(method, f"takes arguments that JSON cannot give: {why}")
    where = f"the query {method.__qualname__}"
    may, own = getattr(method, "__access__", (None, ""))
    access = access_of(may, own, where)
    expect_own(access, request, where)
    return Query(attribute, request, wants_view, spread, returns, rows, access)


def address_of(method: Callable[..., Any]) -> tuple[str, str]:
    """(projection, query) of a marked method, as in `Listing.note`. TypeError if it is of none that is
    registered, or of several."""
    name = getattr(method, "__query__", None)
    if name is None:
        raise TypeError(f"{method!r} is not a query: mark it with @query")
    projections: set[str] = getattr(method, "__projections__", set())
    if len(projections) != 1:
        which = f"of several projections, {', '.join(sorted(projections))}" if projections else "of none"
        text = f"{method.__qualname__} is a query {which} that is registered"
        raise TypeError(f"{text}; name projection and query as texts, or import the application first")
    return next(iter(projections)), name


def note_projection(cls: type, projection: str) -> None:
    """Notes in the queries of a class by which name it was registered, for `address_of`."""
    for name in dir(cls):
        method = getattr(cls, name, None)
        if inspect.isfunction(method) and hasattr(method, "__query__"):
            vars(method).setdefault("__projections__", set()).add(projection)


def _struct_of(method: Callable[..., Any], arguments: list[Parameter]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for name, hint, default in arguments:
        fields.append((name, hint) if default is inspect.Parameter.empty else (name, hint, default))
    try:
        return msgspec.defstruct(
            method.__qualname__,
            fields,
            module=method.__module__,
            kw_only=True,
            forbid_unknown_fields=True,
        )
    except (TypeError, ValueError) as error:
        raise wrong(method, f"takes arguments that JSON cannot give: {error}") from None


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)
