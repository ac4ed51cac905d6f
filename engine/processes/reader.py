"""The reader, which answers queries about what is stored, for clients that cannot open the event stores.

It reads them as every other process does, beside the output that writes them. It slows no other process,
because the cost of one query is bounded and a client that reads much asks page by page. Between two queries
it scrubs what the start did not reach.
"""

import zmq

from engine.node.process import NodeProcess, run
from engine.node.roles import INPUT
from engine.reading.questions import ReaderQuestions
from engine.reading.stores import Stores
from engine.stages.query_desk import Desk, desk_socket
from engine.stages.scrubbing import PAUSE_S, Scrubbing

LOOK_S = 0.25  # between two checks whether it should leave; a query wakes it at once


def main(process: NodeProcess) -> None:
    """The loop: answer, park."""
    process.wait_for_look()
    stores = Stores(process.data)
    desk = Desk(desk_socket(process.endpoints.reads, process.log), ReaderQuestions(stores, process.app))
    scrubbing = Scrubbing(filter(None, map(stores.reader, range(process.partitions))))
    scrubs = process.slot_of(INPUT).scrub_left > 0
    poller = zmq.Poller()
    poller.register(process.wake, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    process.running()
    while not process.stopping:
        process.beat()
        if not desk.serve():
            scrubs = scrubs and scrubbing.turn()
            process.slot.scrub_left = scrubbing.left if scrubs else 0
            poller.poll(int(min(PAUSE_S if scrubs else LOOK_S, desk.patience()) * 1000))
        if process.abort():
            return
    desk.close()
    stores.close()


if __name__ == "__main__":
    run(main)
