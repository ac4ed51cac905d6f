"""The processes of a node, one file each; each loop tells its stage's whole story.

    input ──ring──▶ core ──ring──▶ output ──doorbell──▶ projector
      ▲                               │
      └────────────── replies ────────┘

`stage` holds what they share: finding the node, beating, leaving when the supervisor is gone.
"""
