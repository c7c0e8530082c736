"""Which values are secret by their name, and what stands in their place.

Pure: the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MASK: Final = "••••••"
_SECRET: Final = re.compile(
    r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|COOKIE|AUTH|DSN)S?\d*(_|$)"
    # Whole words only: COMPASS, PATH and PWD (the shell's own) are none.
    r"|(^|_)(PASS|PW|PAT|JWT|CREDS)\d*(_|$)|_PWD$"
    # Addresses that usually have a password in them.
    r"|(DATABASE|DB|POSTGRES(QL)?|MYSQL|MONGO(DB)?|REDIS|AMQP|BROKER)_UR[IL]$",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether a variable of this name probably holds a secret."""
    return bool(_SECRET.search(name))


def masked(env: Mapping[str, str]) -> dict[str, str]:
    """The environment as it may be shown: secret values replaced by a mask."""
    return {
        name: MASK if value and is_secret(name) else value
        for name, value in env.items()
    }


def restored(env: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """A shown environment that came back: a mask stands for the stored value."""
    return {
        name: stored.get(name, "") if value == MASK else value
        for name, value in env.items()
    }
