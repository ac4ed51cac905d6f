"""The reader, which answers queries about what is stored, for clients that cannot open the event stores.

It reads them as every other process does, beside the output that writes them. It slows no other process,
because the cost of one query is bounded and a client that reads much asks page by page.
"""

from engine.node.process import NodeProcess, run
from engine.reading.questions import ReaderQuestions
from engine.reading.stores import Stores
from engine.stages.query_desk import Desk, desk_socket

LOOK_S = 0.25  # between two checks whether it should leave; a query wakes it at once


def main(process: NodeProcess) -> None:
    """The loop: answer, park."""
    process.wait_for_stores()
    stores = Stores(process.data)
    desk = Desk(desk_socket(process.endpoints.reads), ReaderQuestions(stores, process.app))
    process.running()
    while not process.stopping:
        process.beat()
        if not desk.serve():
            desk.socket.poll(int(min(LOOK_S, desk.patience()) * 1000))
        if process.abort():
            return
    desk.close()
    stores.close()


if __name__ == "__main__":
    run(main)
