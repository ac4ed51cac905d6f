"""The processes of a node, one file each; each loop tells the whole story of its process.

    input ──ring──▶ core ──ring──▶ output ──doorbell──▶ projector
      ▲                               │
      └────────────── replies ────────┘

Reading order: input, core, output, doorbell (what a follower hears), projector and builder (views),
manager, worker, lanes (its threads) and standby (another node runs it), snapshotter, reader, gateway
(HTTP), member, cluster_input, cluster_core and cluster_output (of a node of a cluster), stand_in (for a
follower that was given up).
`engine.node.process` is what they share: finding the node, beating, leaving when the supervisor is gone.
"""
