"""Small applications to read first, five minutes each; each runs as a test.

Reading order: stock (one file, the whole of an application), sink (one file, messages to the outside), notes
(the smallest package), bank_transfer (two aggregates and a process manager that remembers), flash_sale (three
aggregates, timers, what goes wrong), cluster (the same on three nodes), temporary (the node that
the programs start).
"""
