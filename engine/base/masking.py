"""Masking: what stands in a line for people in place of a secret."""

import re

MASK = "***"
_USER = re.compile(r"(?<=://)[^/\s]+(?=@)")


def without_users(text: str) -> str:
    """A text whose URLs do not say which user, with which password, comes by them."""
    return _USER.sub(MASK, text)
