"""What looks like a secret does not leave the machine."""

import pytest

from engine.cli.masking import masked, masked_setting


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2, user=a", "password=***, user=a"),
        ('"token": "abc", "x": 1', '"token": ***, "x": 1'),
        ("api_key: 's p a c e' next", "api_key: *** next"),
        ("PROVIDER_SECRET=abc;", "PROVIDER_SECRET=***;"),
        ("Authorization: Bearer eyJhbGciOi.x-y_z", "Authorization: *** ***"),
        ("sent Bearer eyJhbGciOi.x-y_z", "sent Bearer ***"),
        ("postgres://me:hunter2@host/db", "postgres://***@host/db"),
        ("the token has expired", "the token has expired"),
        ("key=note-1", "key=note-1"),
        ("tcp://127.0.0.1:7306", "tcp://127.0.0.1:7306"),
        ("a basic rule", "a basic rule"),
    ],
)
def test_secrets_in_a_text(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("provider_token", "abc", "***"),
        ("http_key", "/etc/key.pem", "***"),
        ("mail_password", "", ""),
        ("database", "mysql://me:secret@host/x", "mysql://***@host/x"),
        ("keyboard", "qwerty", "qwerty"),
        ("journal_keep", "needed", "needed"),
    ],
)
def test_settings_by_their_name(name: str, value: str, shown: str) -> None:
    assert masked_setting(name, value) == shown
