"""URLs are shown without who comes by them."""

import pytest

from engine.base.masking import names_a_secret, without_users


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nats://me:secret@a:4222,nats://you:hidden@b:4222", "nats://***@a:4222,nats://***@b:4222"),
        ("https://token@host/path", "https://***@host/path"),
        ("nats://me:with,comma@a", "nats://***@a"),
        ("nats://me:with@sign@a", "nats://***@a"),
        ("nats://a:4222, nats://b:4222", "nats://a:4222, nats://b:4222"),
        ("mail to me@a", "mail to me@a"),
    ],
)
def test_a_url_does_not_say_who(text: str, shown: str) -> None:
    assert without_users(text) == shown


@pytest.mark.parametrize(
    "name", ["http_key", "key", "mail_passwd", "passphrase", "database-dsn", "hash_salt", "API_KEY"]
)
def test_a_name_tells_of_a_secret(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", ["keyboard", "journal_keep", "monkey", "data", "http"])
def test_other_names_do_not(name: str) -> None:
    assert not names_a_secret(name)
