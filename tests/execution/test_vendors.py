"""A task from end to end on each vendor's wire format, through the real SDKs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from agents.models import Provider
from agents.policy.states import Status
from agents.services import providers, tasks
from tests.harness.llm.answers import Answer, Call, Refusal, Say, Think
from tests.harness.native import Native, native
from tests.harness.supervisor import TEST, Cast, Supervisor
from tests.harness.vendor import WIRES, Vendor
from tests.harness.waiting import until

WRITES = Call("write_file", json.dumps({"path": "note.txt", "content": "hello"}))


def agent_of(vendor: Vendor, cast: Cast, **setup: Any) -> Native:
    """A native agent that asks this vendor."""
    row, _ = Provider.objects.get_or_create(
        name=vendor.kind, defaults={"kind": vendor.kind}
    )
    row.base_url = vendor.url
    providers.save(row, vendor.key)
    return native(cast, provider=vendor.kind, model="some-model", **setup)


@pytest.fixture(params=list(WIRES))
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    vendor = Vendor(request.param)
    try:
        yield vendor
    finally:
        vendor.close()


def test_a_file_is_written_and_the_usage_booked(
    supervisor: Supervisor, cast: Cast, vendor: Vendor
) -> None:
    vendor.will(Answer((Think("hm"), WRITES)), Answer((Say(("All ", "done.")),)))
    agent = agent_of(vendor, cast).start_native()
    work = agent.do("Write a note.")
    row = work.wait_for("succeeded", timeout=30)
    assert row.result == "All done."
    assert (agent.workspace / "note.txt").read_text() == "hello"
    assert work.kinds() == ["user", "answer", "call", "result", "answer"]
    assert [one.step for one in work.usage()] == [2, 5]
    assert row.input > 0 and row.output > 0
    first, second = vendor.stand_in.requests
    assert len(json.dumps(second.body)) > len(json.dumps(first.body))
    # A price is known for free, or for nobody's "some-model": never as a made-up 0.
    assert [one.cost is None for one in work.usage()] == [vendor.kind != "ollama"] * 2
    assert row.unpriced == (0 if vendor.kind == "ollama" else 2)


def test_a_refused_key_ends_the_agent_and_the_task_waits_for_a_better_one(
    supervisor: Supervisor, cast: Cast, vendor: Vendor
) -> None:
    vendor.will(Refusal(401))
    agent = agent_of(vendor, cast).start_native()
    work = agent.do("hello")
    row = agent.wait_for(Status.CRASHED, timeout=20)
    assert "the key was refused" in row.status_reason
    assert (row.restart_count, row.restarts_total) == (0, 0)
    task = work.wait_for("queued")
    assert task.attempts == 0
    agent.start_native()
    assert work.wait_for("succeeded", timeout=20).result == "Hello, world."


def test_a_refused_key_interrupts_no_other_task(
    supervisor: Supervisor, cast: Cast
) -> None:
    vendor = Vendor("anthropic")
    try:
        vendor.will(Answer((Say(("word ",) * 400),), pace=0.05), Refusal(401))
        agent = agent_of(vendor, cast, max_concurrent_tasks=2).start_native()
        talking = agent.do("talk")
        log = agent.folder() / f"task-{talking.row.pk}"
        until(lambda: log.exists() and b"word" in log.read_bytes(), what="words")
        refused = agent.do("hello")
        agent.wait_for(Status.CRASHED, timeout=20)
        assert refused.wait_for("queued").attempts == 0
        assert talking.wait_for("queued").attempts == 0
        assert len(talking.usage()) == 1, "what it had used by then is paid"
    finally:
        vendor.close()


def test_too_many_requests_are_waited_out_without_a_restart(
    supervisor: Supervisor, cast: Cast, vendor: Vendor
) -> None:
    vendor.will(Refusal(429, {"Retry-After": "1"}))
    agent = agent_of(vendor, cast).start_native()
    work = agent.do("hello")
    work.wait_for("succeeded", timeout=30)
    assert "note" in work.kinds(), "people see that it was asked again"
    row = agent.look()
    assert (row.status, row.restarts_total) == (Status.RUNNING, 0)


def test_what_a_cancelled_answer_used_is_booked(
    supervisor: Supervisor, cast: Cast
) -> None:
    vendor = Vendor("anthropic")  # Which says at once what the question costs.
    try:
        vendor.will(Answer((Say(("word ",) * 400),), pace=0.05))
        agent = agent_of(vendor, cast).start_native()
        work = agent.do("talk")
        log = agent.folder() / f"task-{work.row.pk}"
        until(lambda: log.exists() and b"word" in log.read_bytes(), what="words")
        tasks.cancel(work.row.pk, TEST)
        row = work.wait_for("cancelled")
        assert row.input > 0
        assert len(work.usage()) == 1
    finally:
        vendor.close()


def test_an_idle_agent_asks_its_provider_nothing(
    supervisor: Supervisor,
    cast: Cast,
    vendor: Vendor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twenty heartbeats, which are ten minutes of them."""
    monkeypatch.setattr("agents.execution.worker.HEARTBEAT", 0.05)
    monkeypatch.setattr("agents.services.heartbeats.AGAIN", timedelta(0))
    agent = agent_of(vendor, cast).start_native()
    beats: set[Any] = set()

    def twenty() -> bool:
        beats.add(agent.look().last_heartbeat_at)
        return len(beats) > 20

    until(twenty, timeout=30, what="twenty heartbeats")
    assert supervisor.call(supervisor.manager.monitor_agent_health()) == {
        "thinker": True
    }
    assert vendor.stand_in.requests == []
    assert vendor.stand_in.connections == 0
