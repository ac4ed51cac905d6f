"""Masking of what must not leave the machine: secrets in settings, in addresses and in lines of a log."""

import re

from engine.base.masking import MASK, names_a_secret, without_users

_BEARER = re.compile(r"\b(bearer|basic|digest)\s+[\w.~+/=-]{6,}", re.I)
_NAMED = re.compile(
    r"""([\w-]*(?:secret|token|passw(?:or)?d|passphrase|credential|api_?key|private_?key|authorization)[\w-]*
        ["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;)"']+)""",
    re.I | re.X,
)


def masked_setting(name: str, value: str) -> str:
    """The value of a setting, masked if its name says that it is a secret."""
    return MASK if value and names_a_secret(name) else masked(value)


def masked(text: str) -> str:
    """A text without what looks like a secret in it: `password=…`, `Bearer …`, `https://user:password@…`."""
    text = without_users(text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    return _NAMED.sub(rf"\1{MASK}", text)
