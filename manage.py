#!/usr/bin/env python
"""The door for people at a terminal: `manage.py hub`, `manage.py agents …`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command; explain what to do when Django is missing."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agenthub.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "Django is not installed for this Python. "
            "Use `make run`, or .venv/bin/python after it."
        )
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
