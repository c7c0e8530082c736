"""Providers' keys at rest: sealed with a key made of the hub's own secret key.

Whoever has the database alone cannot read them; whoever has the data directory can.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:  # Loading it costs more than most commands, which need no key.
    from cryptography.fernet import Fernet


class Unreadable(ValueError):
    """A key was sealed with another secret key; it has to be set again."""


def sealed(key: str) -> str:
    """The key, as the database may have it; empty stays empty."""
    return _box().encrypt(key.encode()).decode() if key else ""


def opened(text: str) -> str:
    """The key that was sealed; raises Unreadable."""
    if not text:
        return ""
    from cryptography.fernet import InvalidToken

    try:
        return _box().decrypt(text.encode()).decode()
    except InvalidToken:
        raise Unreadable(
            "The key cannot be read: the hub's secret key has changed since it was "
            "set. Set it again."
        ) from None


def _box() -> Fernet:
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    made = HKDF(SHA256(), length=32, salt=None, info=b"agenthub provider keys")
    key = made.derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))
