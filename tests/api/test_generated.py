"""Calls that nobody thought of, made from the running hub's own description.

Schemathesis makes them and checks the answers, with a token of each scope. Left out of
its checks: `positive_data_acceptance`, as what no schema can say (a cursor is that of
the page before, a name is not taken yet) is refused as 422 too; and those that need a
second person's objects or calls in a row: `object_level_authorization`,
`use_after_free`, `ensure_resource_availability`. `ignored_auth` sends wrong tokens
until they are slowed down, and takes the 429 for a way in: `test_every_address` asks
every address without one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from agents.policy.setup import CLUSTER_NAME
from tests.harness.hub import HubProcess
from tests.harness.waiting import until

Operation = APIOperation[Any, Any, Any, Any]
SCOPES: Final = ("view", "operate", "configure")
LEFT_OUT: Final = {
    "positive_data_acceptance",
    "object_level_authorization",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
}
load_all_checks()
CHECKED: Final[list[Any]] = [
    CHECKS.get_one(name) for name in sorted(set(CHECKS.get_all_names()) - LEFT_OUT)
]
# Schemathesis does not take it for a refusal of what is longer than it may be.
TOO_LARGE: Final = [
    one for one in CHECKED if one is not CHECKS.get_one("negative_data_rejection")
]
AGENTS: Final = {
    "agents": [
        {
            "name": "web",
            "command": ["sh", "-c", "echo hello; exec sleep 600"],
            "labels": {"team": "search"},
            "capabilities": ["review"],
            "stdin": "fifo",
        },
        {"name": "other", "command": ["sleep", "600"]},
        {"name": "thinker", "kind": "native_llm", "provider": "demo"},
    ]
}
BARRIER: Final = """
from agents.services import barriers
barriers.make("web", ["web", "thinker"], by="a test")
"""
SCHEDULE: Final = """
from agents.models import Schedule
from agents.services import schedules
schedules.save(Schedule(name="web", cron="0 4 * * *", names=["web"], enabled=False))
"""
# What is generated may be right, and then the hub's cluster runs for it.
NO_SCHEDULE: Final = """
from agents.models import Schedule
from agents.services import schedules
for schedule in Schedule.objects.all():
    schedules.delete(schedule)
"""
# What is there, by the names that addresses give to their parts.
THERE: Final = {"name": "web", "id": 1, "task_id": 1, "number": 1}
# Deletes come last, so that what they delete has been read, asked and changed before.
ORDER: Final = ("GET", "POST", "PATCH", "PUT", "DELETE")


@dataclass(slots=True)
class Tally:
    """What was called, what it answered, and what was wrong about it."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@pytest.fixture
def inhabited(hub: HubProcess) -> Iterator[HubProcess]:
    """A hub with agents that run, have run and are asked; no schedule outlives it."""
    (hub.home / "agents.json").write_text(json.dumps(AGENTS))
    for line in (
        ("import", "agents.json"),
        ("start", "web", "--wait", "20"),
        ("start", "thinker", "--wait", "20"),
        ("ask", "thinker", "Say hello", "--wait", "30"),
    ):
        done = hub.agents(*line)
        assert done.returncode == 0, done.stderr
    done = hub.manage("shell", "--verbosity", "0", "-c", BARRIER)
    assert done.returncode == 0, done.stderr
    done = hub.manage("shell", "-c", SCHEDULE)
    assert done.returncode == 0, done.stderr
    yield hub
    done = hub.manage("shell", "-c", NO_SCHEDULE)
    assert done.returncode == 0, done.stderr
    until(lambda: cluster_is_gone(hub), timeout=20, what="the cluster's end")


def cluster_is_gone(hub: HubProcess) -> bool:
    """Also where no generated schedule was ever on, and there has been none."""
    done = hub.agents("status", CLUSTER_NAME, "--json")
    return done.returncode != 0 or json.loads(done.stdout)[0]["pid"] is None


@pytest.fixture
def secrets(inhabited: HubProcess) -> dict[str, str]:
    """A token of each scope."""
    made = {}
    for scope in SCOPES:
        done = inhabited.manage("apitoken", "admin", "--name", scope, "--scope", scope)
        assert done.returncode == 0, done.stderr
        made[scope] = done.stdout.strip()
    asked = {"workspace": str(inhabited.home), "paths": ["a"], "mode": "exclusive"}
    answer = requests.post(
        f"{inhabited.url}/api/v1/locks",
        json=asked | {"agent": "web"},
        headers={"Authorization": f"Bearer {made['operate']}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return made


def operations(hub: HubProcess, secret: str) -> Iterator[Operation]:
    """Every route, as the hub describes itself to this token."""
    schema = schemathesis.openapi.from_url(
        f"{hub.url}/api/v1/openapi.json", headers={"Authorization": f"Bearer {secret}"}
    )
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(found) == len(list(schema.get_all_operations()))
    yield from sorted(found, key=lambda one: ORDER.index(one.method.upper()))


def strategy(operation: Operation) -> st.SearchStrategy[Case[Any]]:
    """Good and bad calls, of what is there and of what is not."""
    names = [one.name for one in operation.path_parameters]
    known = {name: THERE[name] for name in names if name in THERE}
    good, bad = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    made = [operation.as_strategy(good, path_parameters=known)] if names else []
    made.append(operation.as_strategy(good))
    if any((*operation.query, *operation.path_parameters, *operation.body)):
        made.append(operation.as_strategy(bad))
    return st.one_of(made)


def patient(case: Case[Any]) -> Case[Any]:
    """The call, but without its long wait for an outcome, and without what the server
    in front of the hub refuses by itself: a tag that is not of ASCII."""
    sent: dict[str, Any] = dict(case.headers or {})
    for name in ("If-Match", "If-None-Match"):
        if not str(sent.get(name, "")).isascii():
            case.headers[name] = '"1"'
    for part in (case.body, case.query):
        if isinstance(part, dict):
            wait = part.get("wait")
            if isinstance(wait, int | float) and wait > 0.05:
                part["wait"] = 0.05
    return case


def try_all(hub: HubProcess, secrets: dict[str, str], each: int) -> Tally:
    """So many cases of every route with each token."""
    tally = Tally()
    for scope, secret in secrets.items():
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {secret}"
            for operation in operations(hub, secret):
                try_one(hub, session, operation, each, tally, scope)
    return tally


def try_one(
    hub: HubProcess,
    session: requests.Session,
    operation: Operation,
    each: int,
    tally: Tally,
    scope: str,
) -> None:
    @settings(
        max_examples=each,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy(operation))
    def call(case: Case[Any]) -> None:
        asked = patient(case)
        response = asked.call(base_url=hub.url, session=session, timeout=30)
        tally.cases[scope] += 1
        tally.statuses[response.status_code] += 1
        told = {"Authorization": str(session.headers["Authorization"])}
        asked.validate_response(
            response,
            checks=TOO_LARGE if response.status_code == 413 else CHECKED,
            headers=told,
            transport_kwargs={"base_url": hub.url},
        )

    try:
        call()
    except Exception as error:
        parts = getattr(error, "exceptions", [error])
        told = "\n".join(str(part)[:1500] for part in parts)
        tally.wrong.append(f"{operation.label} ({scope}): {told}")


def test_no_generated_call_is_answered_otherwise_than_described(
    inhabited: HubProcess, secrets: dict[str, str]
) -> None:
    tally = try_all(inhabited, secrets, each=4)
    assert tally.wrong == []
    assert not any(status >= 500 for status in tally.statuses)
    assert set(tally.cases) == set(SCOPES)


@pytest.mark.full
@pytest.mark.parametrize("scope", SCOPES)
def test_thousands_of_generated_calls_are_answered_as_described(
    scope: str, inhabited: HubProcess, secrets: dict[str, str]
) -> None:
    tally = try_all(inhabited, {scope: secrets[scope]}, each=40)
    assert tally.wrong == []
    assert not any(status >= 500 for status in tally.statuses)
    assert tally.cases[scope] >= 2000
