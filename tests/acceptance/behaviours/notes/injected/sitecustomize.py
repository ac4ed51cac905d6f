"""Python imports this at the start of every process of a node that has this folder on its PYTHONPATH."""

import os
from pathlib import Path

from tests.acceptance.behaviours.notes import faults

faults.install(Path(os.environ[faults.VARIABLE]))
