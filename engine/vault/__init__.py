"""The vault: what must be known of people, apart from everything that is kept for ever.

Commands, events, aggregates and views carry tokens. What a token stands for is in the vault, in a file for
each person, which can be erased while everything else stays as it was.

Reading order: records (the files), vault (the worker that keeps them), copies (what a restore needs).
"""

from engine.vault.vault import Vault

__all__ = ["Vault"]
