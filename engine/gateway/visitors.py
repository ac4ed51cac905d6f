"""Visitors: the visitor of a page gets a token of its own, in a cookie that no script can read.

    cookie   SUBJECT.UNTIL.SIGNATURE     SUBJECT: visitor-<22 characters>, UNTIL: seconds since 1970

Nothing is kept of it: the signature, HMAC-SHA256 under the key of the data directory, says that this gateway
made it. A visitor is a `user` whose subject is its own.
"""

import hashlib
import hmac
import secrets
import time

COOKIE = "ringfold-visitor"
LASTS_S = 30 * 86_400
RENEWED_S = 7 * 86_400  # before its end
SUBJECT = "visitor-"


def new_visitor(key: bytes) -> str:
    """The value of a cookie, for a visitor who has none."""
    return signed(SUBJECT + secrets.token_urlsafe(16), key)


def signed(subject: str, key: bytes) -> str:
    """The value of a cookie for a subject, from now on."""
    text = f"{subject}.{int(time.time()) + LASTS_S}"
    return f"{text}.{_signature(text, key)}"


def subject_in(cookie: str, key: bytes) -> str:
    """The subject; empty if it is not a cookie of this gateway, or too old."""
    text, _, signature = cookie.rpartition(".")
    subject, _, until = text.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(text, key).encode()):
        return ""
    return subject if until.isdigit() and int(until) > time.time() else ""


def is_ageing(cookie: str) -> bool:
    """True if a valid cookie ends soon, so that a new one should be given for the same subject."""
    until = cookie.split(".")[-2]
    return int(until) < time.time() + LASTS_S - RENEWED_S


def cookie_of(value: str, *, secure: bool) -> str:
    """The header that gives it. Lax: a link from another site leads to the same visitor, a request that
    another site makes does not."""
    more = "; Secure" if secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={LASTS_S}; HttpOnly; SameSite=Lax{more}"


def _signature(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:43]
