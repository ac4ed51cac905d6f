"""The member process of a node of a cluster: it tells the other nodes that this one is there, hears who else
is, and says which partitions this node owns."""

import os
import time
from importlib.metadata import version

from engine.base.errors import ConfigError
from engine.base.log_codes import Code
from engine.cluster.absence import Absence
from engine.cluster.jetstream import JetStreamRegister
from engine.cluster.link import link_to
from engine.cluster.membership import Membership, always_owned
from engine.cluster.misnamed import Misnamed
from engine.cluster.viewing import Viewing
from engine.cluster.watch import Watch
from engine.node.cluster_view import write_view
from engine.node.process import NodeProcess, run
from engine.node.roles import INPUT, Kind, Role
from engine.node.status import State

LOOK_S = 0.05
VIEW_S = 0.5
ENDING = (State.STOPPING, State.STOPPED)


def main(process: NodeProcess) -> None:
    """The loop: look, tell, sleep."""
    config, partitions = process.config, range(process.partitions)
    outputs = [process.slot_of(Role(Kind.OUTPUT, p)) for p in partitions]
    cores = [process.slot_of(Role(Kind.CORE, p)) for p in partitions]
    absence = Absence(len(cores), time.monotonic)
    try:
        always = always_owned(config.cluster_owns, process.partitions)
    except ValueError as error:
        raise ConfigError("cluster_owns is wrong", value=config.cluster_owns, error=error) from None
    link = link_to(config, f"{process.node_name} member")
    register = JetStreamRegister(link, config.cluster_name)
    membership = Membership(
        process.node_name,
        os.urandom(8).hex(),
        process.partitions,
        register,
        now=time.monotonic,
        version=version("ringfold"),
        always=always,
        code=process.node.code,
        workers=config.cluster_workers,
    )
    register.listen(membership.hear)
    watch = Watch(link, config, process.partitions)
    given = process.slot_of(INPUT)
    others = {role.name: role for role in process.node.roles if role.kind in (Kind.MANAGER, Kind.WORKER)}
    misnamed = Misnamed(config.cluster_workers)
    viewing, view_at = Viewing(config.cluster_name, process.node_name, process.partitions), 0.0
    process.running()
    while not process.stopping and not process.abort():
        process.beat()
        watch.look(time.monotonic())
        if membership.has_twin:
            hint = "the setting node gives each node a name of its own"
            raise ConfigError("another node has this name", node=process.node_name, hint=hint)
        loaded = absence.short([slot.state in (State.RUNNING, *ENDING) for slot in cores])
        caught_up = all(slot.caught_up and slot.state == State.RUNNING for slot in outputs)
        ready = given.state not in ENDING and caught_up and loaded
        membership.decisions = [slot.decision for slot in outputs]
        membership.marks = [slot.digest for slot in outputs]
        membership.conflicts = sum(slot.conflicts for slot in outputs)
        membership.acts = [name for name, role in others.items() if process.acts(role)]
        membership.look([slot.position for slot in outputs], ready)
        process.slot.owned, process.slot.terms = membership.owned, membership.changes
        if time.monotonic() > view_at:
            view_at = time.monotonic() + VIEW_S
            view = viewing.look(dict(membership.heard), membership.changes, time.monotonic())
            write_view(process.run, view)
            if misnamed.look({seen.node for seen in view.nodes if seen.there}, time.monotonic()):
                text = "cluster_workers names a node that is not there: no worker runs"
                hint = "the same on all nodes, and the name of one (setting node)"
                process.log(Code.CLUSTER_WORKERS_NOWHERE, text, hint=hint, name=config.cluster_workers)
        time.sleep(LOOK_S)
    process.slot.owned = 0
    watch.close()
    link.close()


if __name__ == "__main__":
    run(main)
