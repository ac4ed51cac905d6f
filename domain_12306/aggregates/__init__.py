"""What decides. Each file is one aggregate.

Reading order: train_run.
"""
