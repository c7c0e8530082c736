"""Loaded by pytest before Django's settings: tests never touch a real hub's data.

A plugin (`-p` in pyproject.toml) and not conftest.py, because pytest-django loads
the settings before any conftest. Each xdist worker gets a directory of its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import pytest

for name in [name for name in os.environ if name.startswith("AGENTHUB_")]:
    del os.environ[name]
DATA_DIR = tempfile.mkdtemp(prefix="agenthub-tests-")
os.environ["AGENTHUB_DATA_DIR"] = DATA_DIR
# At exit, and not in a hook: pytest calls none when the settings do not load.
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    from django.conf import settings

    # Slow hashing protects passwords; the ones in tests are in this repository.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
