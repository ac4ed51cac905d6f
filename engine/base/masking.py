"""Masking: what stands in a line for people in place of a secret."""

import re

MASK = "***"
_USER = re.compile(r"(?<=://)[^/\s]+(?=@)")
_SECRET_NAME = re.compile(
    r"secret|token|passw|passphrase|credential|api_?key|private|(?:^|[_-])key(?:$|[_-])|dsn|salt", re.I
)


def names_a_secret(name: str) -> bool:
    """True if the value of a setting of this name is not to be shown."""
    return _SECRET_NAME.search(name) is not None


def without_users(text: str) -> str:
    """A text whose URLs do not say which user, with which password, comes by them."""
    return _USER.sub(MASK, text)
