"""References: the name of an application, `module:name`, and the module that it leads to."""

import importlib
import os
import traceback
from pathlib import Path
from types import ModuleType

from engine.base.errors import ConfigError, RingfoldError

_ENGINE = f"{Path(__file__).parents[1]}{os.sep}"


def split(reference: str) -> tuple[str, str]:
    """(module, name in it). ConfigError if it is not written so."""
    module, colon, attribute = reference.partition(":")
    if not (module and colon and attribute):
        raise ConfigError("an application is named MODULE:NAME, for example notes:app", app=reference)
    return module, attribute


def module_of(reference: str) -> ModuleType:
    """The module, imported. ConfigError, one line with the place, if there is none or if it fails."""
    name, _ = split(reference)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            hint = "run in the folder that holds it, or set PYTHONPATH"
            raise ConfigError(f"there is no module {error.name}", app=reference, hint=hint) from None
        raise failed(f"importing {name}", reference, error) from error
    except (RingfoldError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a module may call sys.exit, or raise what is no Exception
        raise failed(f"importing {name}", reference, error) from error


def failed(what: str, reference: str, error: BaseException) -> ConfigError:
    """The error in one line, with the innermost place in the application, or outside the import system."""
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    told = ": ".join(filter(None, (f"{what} failed", type(error).__name__, text)))
    place = _place(error)
    return ConfigError(told, app=reference, at=place) if place else ConfigError(told, app=reference)


def _place(error: BaseException) -> str:
    """`file:line`; empty if the error does not say where."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}" if error.filename else ""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "<frozen" not in f.filename]
    outside = [f for f in frames if not f.filename.startswith(_ENGINE)]
    *_, frame = outside or frames
    return f"{frame.filename}:{frame.lineno}"
