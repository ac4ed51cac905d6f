"""What a developer may rely on, tried through the public client: once on a running node, once inline.

Reading order: domain (what is run), world (the two it runs on), test_commands, test_foreign (the store
advanced from outside), test_order, doorbells and test_delivery, faults and test_faults.
"""
