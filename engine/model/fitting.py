"""Whether an event fits its class: making an object checks no types, but what is stored must be readable.

    Taken(count="two")  ──stored──▶  no start, view or rebuild could ever read it

So it is refused while it is only a bug of its handler. A plan is compiled for each class, from its
annotations and their `Meta`: Python that looks at types and limits, in less than half of the time that
reading again takes (ADR 13). It says yes only to what comes back as it was. What it does not know is written
and read by itself (`rereading`), and so is what it does not say yes to.
"""

import functools
import typing
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from engine.model.plan import Plan, Unplanned, is_text
from engine.model.rereading import Reread, reread_as

__all__ = ["Fits", "fits_of", "is_text", "misfit"]

Fits = Callable[[Any], bool]


class _Field(NamedTuple):
    name: str
    kind: inspect.Type
    reread: Reread


@functools.cache
def fits_of(cls: type[msgspec.Struct]) -> Fits:
    """The function that says whether an event of this class comes back as it is. It raises nothing."""
    plan = Plan(otherwise=lambda event: not misfit(event))
    for field in _fields(cls):
        value = f"event.{field.name}"
        try:
            plan.expect(field.kind, value)
        except Unplanned:
            plan.ask(field.reread, value)
    return plan.compiled()


def misfit(event: msgspec.Struct) -> str:
    """The field of an event that would not come back as it is, and why; empty if there is none."""
    for field in _fields(type(event)):
        value = getattr(event, field.name)
        if value is msgspec.UNSET:  # it is not written, and what is read is the default
            value, field = event, field._replace(reread=reread_as(type(event)))
        why = field.reread(value)
        if why:
            return f"{field.name}: {why}"
    return ""


@functools.cache
def _fields(cls: type[msgspec.Struct]) -> list[_Field]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    hints = typing.get_type_hints(cls, include_extras=True)
    return [_Field(field.name, field.type, reread_as(hints[field.name])) for field in info.fields]
