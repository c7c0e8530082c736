"""`agents locks`: holders, and who waits for them."""

from __future__ import annotations

import json

import pytest

from agents.policy.lock_queue import Mode
from agents.services import locks
from agents.services.locks import Wanted
from tests.harness.recorded import run_of
from tests.management.conftest import Make, Run

pytestmark = pytest.mark.django_db


def test_holders_and_waiters_are_shown_and_are_the_apis_shape(
    agents: Run, make: Make
) -> None:
    nothing = agents("locks")
    assert "Nobody has a lock" in nothing.out + nothing.err
    for name in ("web", "api"):
        one = make(name)
        wanted = Wanted("/work", ("a",), Mode.EXCLUSIVE, one.pk, run_of(one).pk)
        locks.ask(wanted, wait=True)
    held, waits = agents("locks").out.splitlines()[1:]
    assert held.split()[1:3] == ["held", "web"]
    assert waits.split()[1:3] == ["waiting", "api"]
    found = json.loads(agents("locks", "--json").out)
    assert [(one["agent"], one["position"]) for one in found] == [
        ("web", None),
        ("api", 1),
    ]
    assert found[1]["waits_for"][0]["agent"] == "web"
    (only,) = json.loads(agents("locks", "api", "--json").out)
    assert only["agent"] == "api"
    assert agents("locks", "nobody").code == 1
