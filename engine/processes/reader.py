"""The reader, which answers queries about what is stored, for clients that cannot open the event stores.

It reads them as every other process does, beside the output that writes them. It slows no other process,
because the cost of one query is bounded and a client that reads much asks page by page.
"""

from engine.node.process import NodeProcess, run
from engine.reading.questions import ReaderQuestions
from engine.reading.stores import Stores
from engine.stages.query_desk import Desk, desk_socket

LOOK_S = 0.25  # between two checks whether it should leave; a query wakes it at once


def main(stage: NodeProcess) -> None:
    """The loop: answer, park."""
    stage.wait_for_stores()
    stores = Stores(stage.data)
    desk = Desk(desk_socket(stage.endpoints.reads), ReaderQuestions(stores, stage.app))
    stage.running()
    while not stage.stopping:
        stage.beat()
        if not desk.serve():
            desk.socket.poll(int(min(LOOK_S, desk.patience()) * 1000))
        if stage.abort():
            return
    desk.close()
    stores.close()


if __name__ == "__main__":
    run(main)
