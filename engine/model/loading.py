"""Loading an application by its name, `module:name`.

notes:app        an `Engine`
notes:create     a function that makes one, without parameters or with one: the application's settings,
                 a mapping from names to texts
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from engine.base.errors import ConfigError, RingfoldError
from engine.model.app import Engine
from engine.model.references import failed, module_of, split


def load_app(reference: str, settings: Mapping[str, str]) -> Engine:
    """The application of that name, checked. ConfigError, one line, if it cannot be loaded or cannot work."""
    app = import_app(reference, settings)
    app.check()
    return app


def import_app(reference: str, settings: Mapping[str, str]) -> Engine:
    """The same without the checks, for commands that look for what is wrong."""
    module_name, attribute = split(reference)
    module = module_of(reference)
    try:
        app = getattr(module, attribute)
    except AttributeError:
        known = ", ".join(name for name, value in vars(module).items() if isinstance(value, Engine))
        hint = f"of its attributes, these are an Engine: {known}" if known else ""
        told = f"module {module_name} has no attribute {attribute}"
        raise ConfigError(told, app=reference, hint=hint) from None
    except Exception as error:  # of a module's own __getattr__
        raise failed(f"reading {reference}", reference, error) from error
    if isinstance(app, Engine):
        if settings:
            raise ConfigError(f"application {app.name} takes no settings", given=", ".join(settings))
        return app
    if not callable(app) or isinstance(app, type):
        raise ConfigError(f"{reference} is neither an Engine nor a function that makes one", found=repr(app))
    made = _made(app, settings, reference)
    if not isinstance(made, Engine):
        raise ConfigError(f"{reference} made no Engine", returned=repr(made))
    return made


def _made(function: Callable[..., Any], settings: Mapping[str, str], reference: str) -> Any:
    signature = inspect.signature(function)
    arguments = [settings]
    try:
        signature.bind(settings)
    except TypeError:
        arguments = []
        try:
            signature.bind()
        except TypeError:
            text = f"{reference} must take nothing, or one mapping: the settings"
            raise ConfigError(text, it_takes=str(signature)) from None
        if settings:
            raise ConfigError(f"{reference} takes no settings", given=", ".join(settings)) from None
    try:
        return function(*arguments)
    except (RingfoldError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise failed(f"calling {reference}", reference, error) from error
