"""Python imports this at the start of every process of a node that has this folder on its PYTHONPATH."""

import os
from pathlib import Path

from tests.acceptance.behaviours import doorbells, faults

for part in (doorbells, faults):
    if part.VARIABLE in os.environ:
        part.install(Path(os.environ[part.VARIABLE]))
