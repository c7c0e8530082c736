"""What the settings make of the environment, read as a hub reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def setting(name: str, data: Path, **environment: str) -> Any:
    """Of a process with this environment."""
    source = (
        "import json; from agenthub import settings; "
        f"print(json.dumps(settings.{name}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={
            "PATH": os.environ["PATH"],
            "AGENTHUB_DATA_DIR": str(data),
            **environment,
        },
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("named", ["", "hub.example.org, 10.0.0.7"])
def test_agents_reach_the_hub_by_its_own_address_whatever_others_call_it(
    tmp_path: Path, named: str
) -> None:
    hosts = setting("ALLOWED_HOSTS", tmp_path, AGENTHUB_ALLOWED_HOSTS=named)
    assert hosts[:3] == ["127.0.0.1", "localhost", "[::1]"]
    assert hosts[3:] == (["hub.example.org", "10.0.0.7"] if named else [])
