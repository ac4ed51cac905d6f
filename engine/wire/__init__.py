"""What travels between the processes: ids, JSON messages and the binary records of the rings.

Reading order: identity (ids and hashes), commands (client → node), replies (node → client),
sections (input → journal → core), batches (core → output), log (the stored and published record).
"""
