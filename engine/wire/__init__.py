"""What travels between the processes, and what leaves the node: one format a file, encoder beside decoder.

Reading order: commands (client → node), groups and sections (input → journal → core), batches (core →
output), answers (node → client), busy (why not now), log and lifting (the stored record, and old events in
it), doorbell (node → readers), replicated (between the nodes of a cluster), queries and documents (client →
view and back).
"""
