"""Parameters: what a marked method is called with, read from its signature once, when it is registered.

First come the messages, by position; the annotation of each must allow for what the decorator names. What
follows is found by annotation, in any order:

    @on(OrderPlaced)
    def placed(self, event: OrderPlaced, send: Send, commit: Commit) -> None: ...

Whatever could not work is one ConfigError with file and line, before anything starts.
"""

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar, Union

from engine.base.errors import ConfigError
from engine.model.marks import wrong
from engine.model.tables import Table

Method = Callable[..., Any]


class Parameter(NamedTuple):
    """`hint`: the annotation as an object; `default`: both `inspect.Parameter.empty` if there is none."""

    name: str
    hint: Any
    default: Any


def parameters_of(method: Method) -> list[Parameter]:
    """Those after `self`. ConfigError for a method that the engine could not call, or whose answer it could
    not use."""
    plain = inspect.unwrap(method)
    if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
        raise wrong(method, "is an async def; the engine calls it and waits for nothing: write def")
    if inspect.isgeneratorfunction(plain):
        raise wrong(method, "is a generator; return a list instead of yielding")
    parameters = []
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise wrong(method, f"takes {parameter}; name every parameter")
        hint = _resolved(method, parameter.name, parameter.annotation)
        parameters.append(Parameter(parameter.name, hint, parameter.default))
    if not parameters:
        raise wrong(method, "takes nothing; its first parameter is self")
    return parameters[1:]


def return_hint(method: Method) -> Any:
    """The annotation of what it returns, Any if there is none."""
    hint = inspect.signature(method).return_annotation
    return Any if _is_missing(hint) else _resolved(method, "return", hint)


def match_messages(method: Method, parameters: Sequence[Parameter], messages: Sequence[type]) -> None:
    """ConfigError unless the first parameters can be the messages."""
    if len(parameters) < len(messages):
        names = ", ".join(message.__name__ for message in messages)
        raise wrong(method, f"takes {len(parameters)} parameters after self; it must take {names}")
    for parameter, message in zip(parameters, messages, strict=False):
        if not _allows(parameter.hint, message):
            text = f"takes {_text(parameter.hint)} as {parameter.name}, and is marked for {message.__name__}"
            raise wrong(method, text)


def match_offers(
    method: Method, parameters: Sequence[Parameter], offered: Sequence[type]
) -> tuple[type, ...]:
    """Which of the offered classes each parameter is annotated with. ConfigError for any other annotation."""
    wants: list[type] = []
    for parameter in parameters:
        kind = typing.get_origin(parameter.hint) or parameter.hint
        if kind not in offered:
            have = "has no annotation" if _is_missing(parameter.hint) else f"is a {_text(parameter.hint)}"
            may = ", ".join(one.__name__ for one in offered) or "nothing"
            text = f"parameter {parameter.name} {have}; after the message it may take: {may}"
            raise wrong(method, text)
        if kind in wants:
            raise wrong(method, f"takes {kind.__name__} twice")
        wants.append(kind)
    return tuple(wants)


def row_types(parameters: Sequence[Parameter]) -> list[Any]:
    """The `Row` of each parameter that is annotated `Table[Row]`."""
    return [
        typing.get_args(parameter.hint)[0]
        for parameter in parameters
        if typing.get_origin(parameter.hint) is Table
    ]


def expect_factory(owner: str, factory: Callable[[], Any]) -> None:
    """ConfigError unless this can be called without arguments."""
    try:
        inspect.signature(factory).bind()
    except TypeError as error:
        text = f"{owner} cannot be made without arguments: {error}"
        raise ConfigError(f"{text}; register it with factory=…, a function that makes one") from None


def is_table(hint: Any) -> bool:
    """True for `Table` and `Table[Row]`."""
    return hint is Table or typing.get_origin(hint) is Table


def _resolved(method: Method, name: str, hint: Any) -> Any:
    """An annotation, evaluated where it is text."""
    if isinstance(hint, str):
        plain = inspect.unwrap(method)
        holder = types.SimpleNamespace(__annotations__={name: hint})
        try:
            hint = typing.get_type_hints(holder, plain.__globals__)[name]
        except Exception as error:
            text = f"has an annotation that cannot be read, {name}: {hint} ({error})"
            raise wrong(method, f"{text}; import what it names where the program runs") from None
    return hint


def _allows(hint: Any, message: type) -> bool:
    """False if a parameter with this annotation surely cannot be a message of this class."""
    if _is_missing(hint) or hint is Any or isinstance(hint, TypeVar):
        return True
    origin = typing.get_origin(hint)
    if origin is Annotated or origin is Union or origin is types.UnionType:
        arms = typing.get_args(hint)[:1] if origin is Annotated else typing.get_args(hint)
        return any(_allows(arm, message) for arm in arms)
    if isinstance(hint, type):
        return issubclass(message, hint)
    return origin is None  # what is neither a class nor a union, only a type checker can judge


def _is_missing(hint: Any) -> bool:
    return hint is inspect.Parameter.empty


def _text(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
