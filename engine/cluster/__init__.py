"""Several nodes: the same application, over two replicated logs a partition.

    gate, any node ──append──▶ C: commands ──▶ intake of the owner ▶ core ▶ ledger
                                                                             │ append, if nothing came between
    every node: views ◀ store ◀ ledger ◀── E: decisions ◀────────────────────┘
    client ◀── the gate that took the command ◀── answers of the owner

What is true is what is in E. No lease keeps two owners apart: each decision names the one that it follows,
and the log refuses it if another one came between. A node that is refused applies what came, and decides
again. The messages are in `engine.wire.replicated`, the place of a store in the log in `engine.store.place`.

Reading order: logs (what both logs and the register have to be able to do), memory_logs (for tests), arrivals
(what came of them), queueing (commands → C), unanswered (whose answers were lost), intake (C → sections for
the core), resending (until they are stored), ledger (decisions → E, and what other nodes decided),
assignment, membership and absence (who owns what), misnamed (a node that is not there), link and jetstream
(NATS), notes (small values that all nodes read), handover (where a worker goes on), founding (what all nodes
have in common), beginnings (of what is new to all of them), witness and watch (what must hold of the
servers), report and viewing (what an operator wants to know), verifying and repairing (logs and stores held
against each other), servers (some of them, on this machine).
"""
