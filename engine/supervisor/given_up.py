"""The followers of a node that were given up: noted, so that the next start does without them too."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from engine.base.called import called
from engine.base.files import remove_all
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.follow.code import view_mark
from engine.model.app import Engine
from engine.node.child import Process
from engine.node.data_directory import DataDirectory
from engine.node.failure import answers_a_query, failure_of, last_words, read_failure, write_failure
from engine.node.roles import Kind, Role


class GivenUp:
    """Gives followers up, and takes them back. `marks`: of the code of each, by the name of its process.
    `words`: the folder in which a process leaves its last words."""

    def __init__(self, data: DataDirectory, marks: Mapping[str, str], words: Path, log: Log) -> None:
        self._data, self._marks, self._words, self._log = data, marks, words, log

    def begin(self, process: Process) -> None:
        """A stand-in runs at once for what the same code has failed at before."""
        path = self._data.failure(process.name)
        failure = read_failure(path)
        if failure is not None and failure.mark == self._marks.get(process.name):
            process.give_up()
            self._tell(process, f"failed before and has not changed since: {failure.cause}")
        else:
            remove_all(path)

    def give_up(self, process: Process, how: str) -> None:
        """From now on a stand-in runs. `how`: how it ended last."""
        with contextlib.suppress(OSError):
            how = f"{how}: {last_words(self._words, process.name).read_text()}"
        failure = failure_of(how, self._marks.get(process.name, ""))
        try:
            write_failure(self._data.failure(process.name), failure)
        except OSError as error:
            self._tell(process, f"its failure cannot be noted: {error}")
        process.give_up()
        self._tell(process, f"given up, and everything else goes on: {how}")

    def died_of_a_query(self, process: Process) -> bool:
        """True if a query is to blame, which its next life refuses: then it is started again, whatever its
        exit code says, and a hang counts against nothing else."""
        return not process.stands_in and answers_a_query(self._words, process.name)

    def take_back(self, process: Process) -> None:
        """It runs again, because an operator said so."""
        remove_all(self._data.failure(process.name))
        process.try_again()
        self._log(Code.FOLLOWER_RETRIED, f"{process.name} is tried again")

    def _tell(self, process: Process, text: str) -> None:
        hint = "mend what it died of, and start the node again"
        if subject := process.role.subject:
            hint = f"mend its code and start again, or `{called()} follower restart {subject}`"
        self._log(Code.FOLLOWER_FAILED, f"{process.name}: {text}", hint=hint)


def marks_of(app: Engine) -> dict[str, str]:
    """The mark of the code of each view, process manager and worker, by the name of its process."""
    views = {Role(Kind.PROJECTOR, subject=name): spec.cls for name, spec in app.projections.items()}
    managers = {Role(Kind.MANAGER, subject=name): spec.cls for name, spec in app.process_managers.items()}
    workers = {Role(Kind.WORKER, subject=name): spec.cls for name, spec in app.workers.items()}
    every = views | managers | workers
    return {role.name: view_mark(cls, queries=True) for role, cls in every.items()}
