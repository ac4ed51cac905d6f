"""Several nodes: the same application, over two replicated logs a partition.

    gate, any node ──append──▶ C: commands ──▶ intake of the owner ▶ core ▶ ledger
                                                                             │ append, if nothing came between
    every node: views ◀ store ◀ ledger ◀── E: decisions ◀────────────────────┘
    client ◀── the gate that took the command ◀── answers of the owner

What is true is what is in E. No lease keeps two owners apart: each decision names the one that it follows,
and the log refuses it if another one came between. Who is refused takes in what came, and decides again.

Reading order: frames (the messages of both logs), place (how far a store has followed), intake (commands →
sections), ledger (sections' decisions → E, and what others decided), logs (what both need of a log),
memory_logs (for tests), link, jetstream (NATS), assignment, membership (who owns what), witness (what must
hold of the servers)."""
