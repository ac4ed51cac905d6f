"""The beginning of process managers and workers that are new here, and a word on those that were at work here
and are no longer."""

from engine.base.log import Log
from engine.base.log_codes import Code
from engine.managers.birth import left_behind, record_births
from engine.model.app import Engine
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.reading.beginnings import begin_workers, workers_left_behind


def begin_followers(data: DataDirectory, app: Engine, config: Config, log: Log) -> None:
    """Fixes what is history to each that is new. It must be called before any command is accepted."""
    managers, workers = app.process_managers, app.workers
    if config.cluster and (managers or workers):
        from engine.cluster.beginnings import beginnings_of  # brings NATS

        with beginnings_of(config) as common:
            late_managers = record_births(data, managers, common.of_manager)
            late_workers = begin_workers(data, workers, common.of_worker)
    else:
        late_managers, late_workers = record_births(data, managers), begin_workers(data, workers)
    for name in late_managers:
        text = "a process manager is new here: what was accepted before is history to it"
        log(Code.MANAGER_BORN_LATE, text, name=name)
    for name in left_behind(data, managers):
        text = "the application has no such process manager, and nothing sends what it had to send"
        hint = "if it has another name now, give its folder in managers/ that name; if not, remove it"
        log(Code.MANAGER_LEFT_BEHIND, text, hint=hint, name=name)
    for name in late_workers:
        text = "a worker is new here: what was accepted before it does not handle"
        log(Code.WORKER_BORN_LATE, text, name=name)
    for name in workers_left_behind(data, workers):
        text = "the application has no such worker: what it keeps stays, and its events wait"
        hint = "if it has another name now, give that to workers/NAME and to the .json in it"
        log(Code.WORKER_LEFT_BEHIND, text, hint=hint, name=name)
