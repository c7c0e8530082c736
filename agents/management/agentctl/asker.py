"""Who asks at a terminal."""

from __future__ import annotations

import os
import pwd


def who() -> str:
    """The person at the terminal, told apart from the pages' accounts."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name}@terminal"
