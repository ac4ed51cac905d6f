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
    except RingfoldError:
        raise
    except Exception as error:
        raise failed(f"importing {name}", reference, error) from error


def failed(what: str, reference: str, error: Exception) -> ConfigError:
    """The error in one line, with the innermost place in the application, or outside the import system."""
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}"
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "<frozen" not in f.filename]
        outside = [f for f in frames if not f.filename.startswith(_ENGINE)]
        *_, frame = outside or frames
        place = f"{frame.filename}:{frame.lineno}"
    text = " ".join(str(error).split())
    return ConfigError(f"{what} failed: {type(error).__name__}: {text}", app=reference, at=place)
