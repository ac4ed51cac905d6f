"""Typed questions: a query named by its method, as in `client.query(Listing.note, note="note-1")`.

View and query are those under which the method's projection is registered. The arguments are checked here as
the node would check them, so that what is wrong raises a TypeError and is not sent. The answer is of the type
that the method is annotated to return.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import msgspec

from engine.client.queries import Question
from engine.model.queries import Query, address_of, query_of
from engine.model.tables import Table

P = ParamSpec("P")
R = TypeVar("R")

ViewQuery = Callable[Concatenate[Any, Table[Any], P], R]
"""a method of a projection that has the engine keep its view"""
OwnQuery = Callable[Concatenate[Any, P], R]
"""a method of one that keeps its view itself"""


class _Plan(NamedTuple):
    """The query of one method. `decode`: makes the answer; `check`: refuses arguments that do not fit."""

    query: Query
    check: Callable[[bytes], Any]
    decode: Callable[[msgspec.Raw], Any]


def question_of(asked: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Question:
    """The question that is meant by the arguments of `Client.query`. `asked`: the name of a view, or a
    method. TypeError if it is neither, or if the arguments are not those that it has."""
    if isinstance(asked, str):
        return _by_names(asked, *args, **named)
    if not callable(asked):
        raise TypeError(f"{asked!r} is neither the name of a view nor a query, such as Listing.note")
    view, query = address_of(asked)
    plan = _plan(asked)
    values = _values(asked.__qualname__, plan.query, args, named)
    try:
        plan.check(msgspec.json.encode(values))
    except (msgspec.ValidationError, TypeError) as error:
        raise TypeError(f"{asked.__qualname__}: {error}") from None
    return Question(view, query, values, plan.decode)


def _by_names(view: str, query: str, args: Any = None) -> Question:
    return Question(view, query, args)


@lru_cache(maxsize=1024)
def _plan(method: Callable[..., Any]) -> _Plan:
    query = query_of(method.__name__, method)
    try:
        decode = msgspec.json.Decoder(query.returns).decode
    except TypeError as error:
        text = f"{method.__qualname__} returns what JSON cannot give, so ask for it by names"
        raise TypeError(f"{text}: {error}") from None
    return _Plan(query, msgspec.json.Decoder(query.request).decode, decode)


def _values(name: str, query: Query, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """The arguments to send: a dictionary of them, or the one struct that the method takes."""
    if not query.spread:
        (value, *more) = (*args, *named.values()) or (None,)
        if more or value is None:
            raise TypeError(f"{name} takes one argument, a {query.request.__name__}")
        return value
    fields = query.request.__struct_fields__
    if len(args) > len(fields):
        raise TypeError(f"{name} takes {len(fields)} arguments, {len(args)} were given")
    values = dict(zip(fields, args, strict=False))
    for field, value in named.items():
        if field not in fields:
            raise TypeError(f"{name} has no argument {field}; it takes {', '.join(fields) or 'none'}")
        if field in values:
            raise TypeError(f"{name} was given {field} twice")
        values[field] = value
    return values
