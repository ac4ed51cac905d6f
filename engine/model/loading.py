"""Loading an application by its name, `module:attribute`."""

import importlib

from engine.base.errors import ConfigError
from engine.model.app import Engine


def load_app(reference: str, settings: dict[str, str]) -> Engine:
    """Imports `module:function`, calls it with the application's settings and checks what it registered."""
    app = import_app(reference, settings)
    app.check()
    return app


def import_app(reference: str, settings: dict[str, str]) -> Engine:
    """The same without the checks: for whoever looks for what is wrong."""
    module, _, attribute = reference.partition(":")
    try:
        app = getattr(importlib.import_module(module), attribute)(settings)
    except (ImportError, AttributeError) as error:
        raise ConfigError("the application cannot be loaded", app=reference, error=error) from error
    if not isinstance(app, Engine):
        raise ConfigError("the application is not an Engine", app=reference)
    return app
