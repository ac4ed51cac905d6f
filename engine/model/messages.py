"""Commands, events and application messages: typed, immutable, with wire names that are no Python paths."""

import inspect
from collections.abc import Iterable
from typing import Annotated, Any, dataclass_transform

import msgspec

from engine.base.identity import uuid7_hex


def tag_of(name: str, version: int) -> str:
    """The `type` on the wire of a name in one of its versions."""
    return name if version == 1 else f"{name}@{version}"


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class MessageMeta(msgspec.StructMeta):
    """Makes `name=` and `version=` of a class line the JSON tag, and keeps `rejects=`, `result=`, `may=` and
    `own=`."""

    wire_name: str
    wire_version: int
    __rejects__: tuple[str, ...] | None
    __result__: Any
    __may__: str | None
    __own__: str

    def __new__(
        mcls,
        class_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        *,
        name: str | None = None,
        version: int = 1,
        rejects: Iterable[str] | None = None,
        result: Any = Any,
        may: str | None = None,
        own: str = "",
        **config: Any,
    ) -> Any:
        if name is not None:
            config["tag"] = tag_of(name, version)
        cls: Any = super().__new__(mcls, class_name, bases, namespace, **config)
        # Never inherited: each class has its own.
        cls.wire_name, cls.wire_version = name or "", version
        if isinstance(rejects, str):
            raise TypeError(f'{class_name}: rejects is a tuple of codes, as in rejects=("{rejects}",)')
        cls.__rejects__ = None if rejects is None else tuple(rejects)
        cls.__result__ = result
        cls.__may__, cls.__own__ = may, own
        return cls


class Message(
    msgspec.Struct,
    frozen=True,
    gc=False,
    omit_defaults=True,
    repr_omit_defaults=True,
    tag_field="type",
    metaclass=MessageMeta,
):
    """What commands and events share."""

    def __init_subclass__(cls, name: str | None = None, version: int = 1, **config: Any) -> None:
        super().__init_subclass__(**config)


CommandId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
"""32 lower-case hex digits."""


RESERVED = frozenset(("type", "id", "expected_version", "correlation", "causation", "wait"))
"""Fields of a command that an application cannot define."""


class _Addressed(Message):
    aggregate: str


class Command(_Addressed, kw_only=True):
    """A wish that one aggregate may grant or refuse. Named in the imperative.

        class Deposit(Command, name="account.deposit"):
            amount: int

        Deposit("account-7", amount=500)

    The id is made with the object, so sending the same object again is the same command: it takes
    effect once and is answered as the first time. `expected_version` is the version that the aggregate
    must have (0: it must not exist yet).

    `causation` is the id of the command that led to this one, through its commit, its refusal or a timer;
    `correlation` is the id that all commands of one undertaking share, by default the command's own. A
    process manager sets both on what it sends.

    The class line may say what a command can be answered with, for those who send it and for its tests:

        class Take(Command, name="stock.take", rejects=("sold-out",), result=int): ...

    `rejects`: the codes with which its rules say no, besides the engine's own; without it, any. `result`: the
    type of the result that a commit of it carries; without it, any or none.

    `may`, `own`: who may send it from outside, and which field must name that caller (`engine.model.access`).
    """

    def __init_subclass__(
        cls,
        name: str | None = None,
        version: int = 1,
        rejects: Iterable[str] | None = None,
        result: Any = Any,
        may: str | None = None,
        own: str = "",
        **config: Any,
    ) -> None:
        super().__init_subclass__(name, version, **config)
        for field in RESERVED.intersection(inspect.get_annotations(cls)):
            raise TypeError(f"{cls.__qualname__}.{field}: every command has this field, with its own meaning")

    id: str = msgspec.field(default_factory=uuid7_hex)
    expected_version: int | None = None
    correlation: CommandId | None = None
    causation: CommandId | None = None


class Event(Message, omit_defaults=False):
    """A fact, already true. Named in the past tense. Stored for ever under its name and version, defaults
    included: what is stored does not change when a default does."""


class ApplicationMessage(Event):
    """A message to the outside that is not a change of an aggregate. Named in the past tense.

        @app.message
        class ReceiptIssued(ApplicationMessage, name="receipt.issued"): ...

    A handler returns it as it returns events, alone or among them. It stands in the stream entry of its
    command, so it is stored all or nothing with the events; no aggregate applies it. Subscribers get it at
    least once, under the id `<command id>-<place in the entry>`.
    """


def wire_tag(message: type[Message]) -> str:
    """The `type` of a message class on the wire, for example `account.opened@2`. TypeError: it has none."""
    tag = message.__struct_config__.tag  # msgspec would take the class's name, which may change
    if not message.wire_name or not isinstance(tag, str):
        kind = next(base for base in message.__mro__ if base.__module__ == __name__).__name__
        text = f'write class {message.__name__}({kind}, name="…")'
        raise TypeError(f"{message.__qualname__} has no wire name: {text}")
    return tag
