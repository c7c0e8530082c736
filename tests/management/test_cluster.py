"""Schedules with a real hub and a real django-q2 cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.policy.setup import CLUSTER_NAME
from tests.harness.hub import HubProcess
from tests.harness.processes import lives
from tests.harness.waiting import until

IMPORTS = """
from datetime import timedelta
from django.utils import timezone
from django_q.models import Schedule as DueTime
from agents.models import Schedule
from agents.services import schedules
"""


@pytest.fixture(scope="module")
def a_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with an agent, and no schedule left when it ends."""
    hub = HubProcess(tmp_path_factory.mktemp("scheduled"))
    try:
        hub.start()
        thinker = {"name": "thinker", "kind": "native_llm", "provider": "demo"}
        sleeper = {"name": "sleeper", "command": ["sleep", "600"]}
        agents = {"agents": [sleeper, thinker]}
        (hub.home / "agents.json").write_text(json.dumps(agents))
        assert hub.agents("import", "agents.json").returncode == 0
        yield hub
    finally:
        if hub.process is not None:
            shell(hub, "[schedules.delete(s) for s in Schedule.objects.all()]")
            until(lambda: not cluster_pids(hub), what="the end of the cluster")
        hub.close()


@pytest.fixture
def scheduled(a_hub: HubProcess) -> HubProcess:
    """The hub at work, with one schedule: it starts the agent at new year."""
    if a_hub.process is None:
        a_hub.start()
    shell(
        a_hub,
        "morning = Schedule.objects.filter(name='morning').first() or "
        "Schedule(name='morning', cron='0 0 1 1 *', names=['sleeper'])\n"
        "morning.enabled = True\n"
        "morning.action, morning.names, morning.prompt = 'start', ['sleeper'], ''\n"
        "schedules.save(morning)\n"
        "Schedule.objects.update(last_outcome='')",
    )
    return a_hub


def shell(hub: HubProcess, code: str) -> str:
    """Run code in the hub's environment, as a page would."""
    done = hub.manage("shell", "--no-imports", "-c", IMPORTS + code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_due(hub: HubProcess, ago: timedelta = timedelta(seconds=1)) -> None:
    """As if the next time had come."""
    seconds = ago.total_seconds()
    shell(
        hub,
        "DueTime.objects.update("
        f"next_run=timezone.now() - timedelta(seconds={seconds}))",
    )


def outcome(hub: HubProcess) -> str:
    return shell(hub, "print(Schedule.objects.get().last_outcome)")


def cluster(hub: HubProcess) -> dict[str, Any]:
    [agent] = hub.agents_json("status", CLUSTER_NAME)
    return dict(agent)


def cluster_pids(hub: HubProcess) -> list[int]:
    return [
        pid for pid, words in hub.survivors().items() if "manage.py cluster" in words
    ]


def at_work(hub: HubProcess) -> list[int]:
    """The pids of a cluster that is complete: a shim, its sentinel, three children."""
    return until(
        lambda: pids if len(pids := sorted(cluster_pids(hub))) == 5 else None,
        timeout=20,
        what="a whole cluster",
    )


@pytest.mark.full
def test_every_minute_is_kept_within_seconds(scheduled: HubProcess) -> None:
    at_work(scheduled)
    shell(
        scheduled,
        "s = Schedule.objects.get(); s.cron = '* * * * *'; s.action = 'restart'\n"
        "schedules.save(s)",
    )
    lateness = until(
        lambda: shell(
            scheduled,
            "from agents.models import Request\n"
            "wishes = Request.objects.filter(via='schedule', action='restart')\n"
            "if wishes.count() == 2: print(max(w.at.second for w in wishes))",
        ),
        timeout=150,
        every=2,
        what="two minutes to be kept",
    )
    assert int(lateness) < 10
    shell(scheduled, "schedules.delete(Schedule.objects.get())")


def test_the_cluster_is_a_part_of_the_hub_and_has_no_token(
    scheduled: HubProcess,
) -> None:
    for pid in at_work(scheduled):
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"AGENTHUB_AGENT=" in environment
        assert b"AGENTHUB_TOKEN=" not in environment


def test_a_schedule_starts_its_agent_when_it_is_due(scheduled: HubProcess) -> None:
    at_work(scheduled)
    stopped = scheduled.agents("stop", "sleeper", "--wait", "10")
    assert stopped.returncode == 0, stopped.stderr
    make_due(scheduled)
    until(
        lambda: scheduled.agents_json("status", "sleeper")[0]["status"] == "running",
        timeout=20,
        what="the scheduled start",
    )
    assert outcome(scheduled) == "1 agent asked to start"
    told = scheduled.agents_json("history", "sleeper")
    assert "schedule morning" in {change["actor"] for change in told}
    people = [agent["name"] for agent in scheduled.agents_json("list")]
    assert people == ["sleeper", "thinker"], "the cluster is the hub's own"


def test_a_schedule_asks_a_native_agent_once_when_it_is_due(
    scheduled: HubProcess,
) -> None:
    at_work(scheduled)
    shell(
        scheduled,
        "s = Schedule.objects.get()\n"
        "s.action, s.names, s.prompt = 'ask', ['thinker'], 'Say something.'\n"
        "schedules.save(s)",
    )
    started = scheduled.agents("start", "thinker", "--wait", "20")
    assert started.returncode == 0, started.stderr
    make_due(scheduled)
    said = until(lambda: outcome(scheduled), timeout=20, what="a word about it")
    assert said.startswith("1 agent asked: task ")
    shell(
        scheduled,
        "s = Schedule.objects.get(); schedules.fire(s.pk, s.last_at.isoformat())",
    )
    [task] = until(
        lambda: (
            found
            if (found := scheduled.agents_json("tasks", "thinker"))[0]["state"]
            == "succeeded"
            else None
        ),
        timeout=20,
        what="the scheduled work",
    )
    assert said == f"1 agent asked: task {task['id']}"
    assert task["created_by"] == "schedule morning"


@pytest.mark.full
def test_a_missed_time_is_said_and_not_made_up_for(scheduled: HubProcess) -> None:
    at_work(scheduled)
    before = scheduled.agents_json("status", "sleeper")[0]["generation"]
    scheduled.stop()
    assert cluster_pids(scheduled) == [], "it ends with the hub"
    make_due(scheduled, timedelta(hours=3))
    scheduled.start()
    until(lambda: outcome(scheduled), timeout=20, what="a word about it")
    assert outcome(scheduled) == (
        "missed: the hub came to it 3 h late, and missed times are not caught up"
    )
    after = scheduled.agents_json("status", "sleeper")[0]["generation"]
    assert after == before


def test_a_killed_hub_leaves_no_second_cluster(scheduled: HubProcess) -> None:
    before = at_work(scheduled)
    runs = scheduled.agents_json("runs", CLUSTER_NAME)
    scheduled.kill9()
    assert sorted(cluster_pids(scheduled)) == before
    scheduled.start()
    until(lambda: "adopted" in cluster(scheduled)["reason"], what="adoption")
    assert sorted(cluster_pids(scheduled)) == before
    assert len(scheduled.agents_json("runs", CLUSTER_NAME)) == len(runs)
    scheduled.agents("stop", "--all", "--wait", "10")
    assert sorted(cluster_pids(scheduled)) == before, "a stopped fleet has its times"


def test_stopping_all_without_a_hub_leaves_nothing_behind(
    scheduled: HubProcess,
) -> None:
    at_work(scheduled)
    scheduled.kill9()
    done = scheduled.agents("stop", "--all", "--wait", "10")
    assert done.returncode == 0, done.stderr
    assert cluster_pids(scheduled) == []
    scheduled.start()
    at_work(scheduled)


def test_the_last_schedule_takes_the_cluster_with_it(scheduled: HubProcess) -> None:
    pids = at_work(scheduled)
    shell(scheduled, "s = Schedule.objects.get(); s.enabled = False; schedules.save(s)")
    until(
        lambda: not any(lives(pid) for pid in pids),
        timeout=10,
        what="the end of its processes",
    )
    ended = until(
        lambda: (found := cluster(scheduled))["status"] == "stopped" and found,
        what="the word stopped",
    )
    assert ended["reason"].endswith("exited with 0"), "none had to be killed"
