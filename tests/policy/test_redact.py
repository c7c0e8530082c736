"""Which names hide a value, and that what was hidden comes back unharmed."""

from __future__ import annotations

import pytest

from agents.policy.redact import MASK, is_secret, masked, restored

SECRET = """
    ANTHROPIC_API_KEY OPENAI_API_KEY API_KEY2 API_KEYS AWS_SECRET_ACCESS_KEY apikey
    AUTH_TOKEN ACCESS_TOKENS HF_TOKEN github_token GITHUB_PAT PAT SECRET CLIENT_SECRET
    SECRET_NAME PASSWORD PGPASSWORD DB_PASSWD DB_PASS SMTP_PASS PASS SSH_PASSPHRASE
    MYSQL_PWD DB_PW PW GOOGLE_CREDENTIALS AWS_CREDS SESSION_COOKIE BASIC_AUTH SENTRY_DSN
    KEY MY_JWT DATABASE_URL REDIS_URL MONGODB_URI
"""
PLAIN = """
    PATH HOME LANG PWD OLDPWD AUTHOR AUTHORITY KEYBOARD KEYRING_BACKEND TOKENIZER
    TOKENIZERS_PARALLELISM COMPASS BYPASS PASSAGE SECRETARY PATTERN PATCH MODEL
    OLLAMA_HOST BASE_URL OPENAI_BASE_URL HOST_URL DEBUG PWDEBUG
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_name_that_looks_secret_is(name: str) -> None:
    assert is_secret(name)
    assert is_secret(name.lower())


@pytest.mark.parametrize("name", PLAIN.split())
def test_a_plain_name_is_not_hidden(name: str) -> None:
    assert not is_secret(name)


def test_secret_values_are_masked_and_nothing_else() -> None:
    env = {"API_KEY": "sk-123", "LANG": "C", "DB_PASSWORD": "", "EMPTY": ""}
    shown = masked(env)
    assert shown == {"API_KEY": MASK, "LANG": "C", "DB_PASSWORD": "", "EMPTY": ""}
    assert env["API_KEY"] == "sk-123"


def test_a_mask_says_nothing_about_the_length_of_the_secret() -> None:
    assert masked({"KEY": "x"}) == masked({"KEY": "x" * 5000})


def test_what_was_shown_and_comes_back_is_what_was_stored() -> None:
    env = {"API_KEY": "sk-123", "LANG": "C"}
    assert restored(masked(env), env) == env


def test_a_new_secret_and_a_removed_one_are_taken_as_they_come() -> None:
    stored = {"API_KEY": "old", "TOKEN": "gone"}
    assert restored({"API_KEY": "new"}, stored) == {"API_KEY": "new"}


def test_a_mask_of_nothing_stored_is_nothing_and_never_the_mask() -> None:
    assert restored({"OTHER_KEY": MASK}, {"API_KEY": "sk-123"}) == {"OTHER_KEY": ""}
