"""What is missing here to test a cluster."""

import pytest

from engine.base.errors import ConfigError
from engine.cluster.servers import program


def _missing() -> str:
    try:
        program()
    except ConfigError as error:
        return str(error)
    return ""


needs_servers = pytest.mark.skipif(bool(_missing()), reason=f"NO CLUSTER IS TESTED HERE: {_missing()}")
