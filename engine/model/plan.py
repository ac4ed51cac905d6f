"""A plan: a function that is compiled for one class, to judge its values without reading them again.

    def fits(event):
        _1 = event.owner
        if not (type(_1) is str and …): return otherwise(event)        a guard
        _2 = event.places
        if not (type(_2) is list): return otherwise(event)
        for _3 in _2:                                                  what is inside
            …
        return True

A guard lets pass only what surely comes back as it was; anything else is for `otherwise` to judge, so a guard
may be stricter than the rule. One thing is left out for its price (0.1 µs an event): an integer of more than
4,300 digits, which the encoder refuses.
"""

import enum
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from msgspec import inspect

from engine.model.rereading import Reread, reread_as

Judge = Callable[[Any], bool]
Case = tuple[str, list[str]]
"""(expression that is true for values of a type, lines that judge what is inside of such a value)"""

_COLLECTIONS: dict[type, str] = {
    inspect.ListType: "list",
    inspect.VarTupleType: "tuple",
    inspect.SetType: "set",
    inspect.FrozenSetType: "frozenset",
}
_NUMBER_LIMITS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_LENGTH_LIMITS = {"min_length": ">=", "max_length": "<="}


class Unplanned(Exception):
    """No plan knows this type."""


class Plan:
    """The lines of one function, and the objects that they name."""

    def __init__(self, otherwise: Judge) -> None:
        self._lines: list[str] = []
        self._names: dict[str, Any] = {"otherwise": otherwise, "is_text": is_text, "is_any": _is_any}
        self._above: list[type] = []

    def expect(self, kind: inspect.Type, value: str) -> None:
        """Adds the lines that judge the value of an expression. Unplanned: none were added."""
        self._lines += list(self._judge(kind, value))

    def ask(self, reread: Reread, value: str) -> None:
        """Adds a line that reads the value of an expression again."""
        self._lines.append(f"if {self._named(reread)}({value}): return False")

    def compiled(self) -> Judge:
        """The function of all lines."""
        source = "\n    ".join(["def fits(event):", *self._lines, "return True"])
        exec(source, self._names)
        fits: Judge = self._names["fits"]
        return fits

    def _judge(self, kind: inspect.Type, expression: str) -> Iterator[str]:
        """The lines that leave the function unless the value of an expression fits."""
        value = expression
        if not expression.isidentifier():
            value = self._new()
            yield f"{value} = {expression}"
        kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        cases = [self._case(one, value) for one in kinds]
        if len(cases) == 1:
            ((guard, inside),) = cases
            yield f"if not ({guard}): return otherwise(event)"
            yield from inside
            return
        for word, (guard, inside) in zip(("if", *["elif"] * len(cases)), cases, strict=False):
            yield f"{word} {guard}:"
            yield from _indented(inside or ["pass"])
        yield "else: return otherwise(event)"

    def _case(self, kind: inspect.Type, value: str) -> Case:
        match kind:
            case inspect.Metadata():
                return self._case(kind.type, value)
            case inspect.AnyType():
                return f"type({value}) is int or is_any({value})", []
            case inspect.NoneType():
                return f"{value} is None", []
            case inspect.BoolType():
                return f"type({value}) is bool", []
            case inspect.IntType():
                return f"type({value}) is int{_limits(kind, value)}", []
            case inspect.FloatType():  # nan and infinity would be null
                return f"type({value}) is float and {value} - {value} == 0{_limits(kind, value)}", []
            case inspect.StrType():
                return self._text(kind, value), []
            case inspect.BytesType(min_length=None, max_length=None):
                return f"type({value}) is bytes", []
            case inspect.UUIDType():
                return f"type({value}) is {self._named(uuid.UUID)}", []
            case inspect.DateTimeType():
                return f"type({value}) is {self._named(datetime)} and ({self._zone(kind, value)})", []
            case inspect.DateType():
                return f"type({value}) is {self._named(date)}", []
            case inspect.LiteralType():
                return " or ".join(_is_literal(value, one) for one in kind.values), []
            case inspect.EnumType() if not issubclass(kind.cls, enum.Flag):
                return f"type({value}) is {self._named(kind.cls)}", []
            case inspect.StructType():
                return self._struct(kind, value)
            case inspect.TupleType():
                return self._tuple(kind, value)
            case inspect.DictType():
                return self._dict(kind, value)
            case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
                guard = f"type({value}) is {_COLLECTIONS[type(kind)]}{_lengths(kind, value)}"
                return guard, self._each(kind.item_type, value)
        raise Unplanned(kind)

    def _text(self, kind: inspect.StrType, value: str) -> str:
        guard = f"type({value}) is str and ({value}.isascii() or is_text({value})){_lengths(kind, value)}"
        if kind.pattern is None:
            return guard
        return f"{guard} and {self._named(re.compile(kind.pattern).search)}({value})"

    def _zone(self, kind: inspect.DateTimeType, value: str) -> str:
        """Offsets other than that of UTC are for others to judge: those with seconds do not come back."""
        utc, naive = f"{value}.tzinfo is {self._named(UTC)}", f"{value}.tzinfo is None"
        return {True: utc, False: naive, None: f"{utc} or {naive}"}[kind.tz]

    def _struct(self, kind: inspect.StructType, value: str) -> Case:
        if kind.cls in self._above or hasattr(kind.cls, "__post_init__"):
            raise Unplanned(kind)
        self._above.append(kind.cls)
        try:
            inside = [line for one in kind.fields for line in self._judge(one.type, f"{value}.{one.name}")]
        finally:
            self._above.pop()
        return f"type({value}) is {self._named(kind.cls)}", inside

    def _tuple(self, kind: inspect.TupleType, value: str) -> Case:
        guard = f"type({value}) is tuple and len({value}) == {len(kind.item_types)}"
        items = [self._new() for _ in kind.item_types]
        inside = [f"{', '.join(items)}, = {value}"] if items else []
        for item, one in zip(items, kind.item_types, strict=True):
            inside += self._judge(one, item)
        return guard, inside

    def _dict(self, kind: inspect.DictType, value: str) -> Case:
        if type(kind.key_type) is not inspect.StrType:
            raise Unplanned(kind)
        inside = self._each(kind.key_type, value) + self._each(kind.value_type, f"{value}.values()")
        return f"type({value}) is dict{_lengths(kind, value)}", inside

    def _each(self, kind: inspect.Type, values: str) -> list[str]:
        """The lines that judge each of several values."""
        item = self._new()
        return [f"for {item} in {values}:", *_indented(self._judge(kind, item))]

    def _new(self) -> str:
        """A name that stands nowhere yet."""
        name = f"_{len(self._names)}"
        self._names[name] = None
        return name

    def _named(self, thing: Any) -> str:
        """The name that an object has in the lines."""
        name = self._new()
        self._names[name] = thing
        return name


def _limits(kind: Any, value: str) -> str:
    limits = [(sign, getattr(kind, name)) for name, sign in _NUMBER_LIMITS.items()]
    tests = [f" and {value} {sign} {limit!r}" for sign, limit in limits if limit is not None]
    if kind.multiple_of is not None:
        if isinstance(kind, inspect.FloatType):
            raise Unplanned(kind)
        tests.append(f" and {value} % {kind.multiple_of!r} == 0")
    return "".join(tests)


def _lengths(kind: Any, value: str) -> str:
    limits = [(sign, getattr(kind, name)) for name, sign in _LENGTH_LIMITS.items()]
    return "".join(f" and len({value}) {sign} {limit}" for sign, limit in limits if limit is not None)


def _is_literal(value: str, one: Any) -> str:
    if one is None:
        return f"{value} is None"
    return f"type({value}) is {type(one).__name__} and {value} == {one!r}"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def is_text(value: str) -> bool:
    """True if a text can be encoded: it has no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_reread_any = reread_as(Any)


def _is_any(value: Any) -> bool:
    """True if a value comes back as it was where any would be allowed."""
    return not _reread_any(value)
