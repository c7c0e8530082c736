"""`agents list|status|summary|history|runs`: tables, plain text, the API's shapes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent
from agents.policy.clock import Moment
from agents.policy.states import Action, Status
from agents.services import lifecycle, measures, nodes, recording, setups, shapes
from agents.services.lifecycle import Asker
from agents.services.measures import Sample
from agents.services.recording import Condition
from agents.supervisor.lock import NodeLock
from tests.harness.recorded import end_of, passing, run_of, seen
from tests.management.conftest import Make, Run

pytestmark = pytest.mark.django_db

NO_SUPERVISOR = "No supervisor is running: what you see is as it was last seen."


def rows(text: str) -> list[list[str]]:
    """The cells of a plain table without its titles."""
    return [line.split("  ") for line in text.splitlines()[1:]]


# list


def test_list_prints_every_agent_aligned_under_titles(agents: Run, make: Make) -> None:
    make("web")
    run_of(make("a-much-longer-name"), pid=4711)
    answer = agents("list")
    titles, first, second = answer.out.splitlines()
    assert titles.split() == [
        "AGENT",
        "STATUS",
        "SINCE",
        "RESTARTS",
        "PID",
        "CPU",
        "MEMORY",
        "WHY",
    ]
    assert first.startswith("a-much-longer-name  running")
    assert "4711" in first
    assert second.startswith("web                 stopped")
    assert second.endswith("never started")
    assert titles.index("STATUS") == first.index("running") == second.index("stopped")


def test_list_prints_the_apis_shape_as_json(agents: Run, make: Make) -> None:
    make("web", env={"API_KEY": "s3cret"}, labels={"team": "search"})
    run_of(make("api"))
    answer = agents("list", "--json")
    expected = [
        shapes.agent_shape(agent) for agent in Agent.objects.select_related("run")
    ]
    for found, shape in zip(answer.json, expected, strict=True):
        assert found.keys() == shape.keys()
        # A clock ticks between the two.
        assert {**found, "uptime": 0} == {**shape, "uptime": 0}
    assert [(one["name"], one["run"]) for one in answer.json] == [
        ("api", 1),
        ("web", None),
    ]
    assert "s3cret" not in answer.out


def test_json_may_stand_before_the_subcommand(agents: Run, make: Make) -> None:
    make("web")
    assert agents("--json", "list").json[0]["name"] == "web"


def test_list_of_no_agents_is_an_empty_array(agents: Run) -> None:
    assert agents("list", "--json").json == []
    answer = agents("list")
    assert (answer.code, answer.out) == (0, "")
    assert "no agents yet" in answer.err


def test_list_says_when_nobody_supervises(agents: Run, make: Make) -> None:
    make("web")
    assert NO_SUPERVISOR in agents("list").err
    assert agents("list", "--json").err == ""


@pytest.mark.usefixtures("supervised")
def test_list_is_silent_when_somebody_supervises(agents: Run, make: Make) -> None:
    make("web")
    assert agents("list").err == ""


def test_what_an_agent_says_cannot_steer_the_terminal(agents: Run, make: Make) -> None:
    passing(make("web").pk, Status.STARTING, "\x1b[2J\nfake\r")
    for answer in (agents("list"), agents("status", "web"), agents("history", "web")):
        assert "\x1b" not in answer.out
        assert "\nfake" not in answer.out


def test_listing_500_agents_is_one_query(agents: Run) -> None:
    Agent.objects.bulk_create(
        Agent(name=f"a{number}", command=["true"]) for number in range(500)
    )
    with CaptureQueriesContext(connection) as queries:
        assert len(agents("list", "--json").json) == 500
    assert len(queries) == 1


# status


def test_status_of_one_agent_says_since_when_why_and_how_it_is_known(
    agents: Run, make: Make
) -> None:
    agent = make("web")
    lifecycle.ask(Action.START, [agent.pk], Asker("alice", "page"))
    agent.refresh_from_db()
    run_of(agent, pid=4711)
    sample = Sample(agent.pk, 12.34, 24 * 1024 * 1024, 3, [], 17, None, None)
    measures.save_samples([sample])
    answer = agents("status", "web")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "web: running"
    facts = dict(line.split(maxsplit=1) for line in lines[1:])
    assert facts["since"].endswith("UTC, 0 s ago")
    assert facts["why"] == "the program was executed"
    assert facts["known"].split() == ["by", "test"]
    assert facts["wanted"] == "running: start asked by alice"
    assert facts["run"] == "1, pid 4711"
    assert facts["CPU"] == "12 % of one core"
    assert facts["memory"] == "24 MB in 3 processes"
    assert facts["open"].split() == ["files", "17"]
    assert facts["restarts"] == "0 since the last start, 0 in all"


def test_status_says_when_the_next_retry_is(agents: Run, make: Make) -> None:
    agent = make("web")
    run_of(agent)
    step = seen(
        agent.pk,
        Status.BACKOFF,
        "exited with 3; restart 1 of 5 in 60.0 s",
        retry_at=timezone.now() + timedelta(seconds=60),
        retry=Moment.now().later(59.9),
    )
    recording.record([step])
    assert "  next retry  in 1 min\n" in agents("status", "web").out


def test_status_says_that_a_request_is_open(agents: Run, make: Make) -> None:
    lifecycle.ask(Action.START, [make("web").pk], Asker("alice", "page"))
    assert "start asked by alice, not done yet" in agents("status", "web").out


def test_status_shows_conditions_and_an_older_set_up(agents: Run, make: Make) -> None:
    agent = make("web")
    run_of(agent)
    agent.command = ["true"]
    setups.save(agent)
    stuck = Condition("unkillable", "2026-01-01T00:00:00Z", "KILL did not end pid 7")
    step = seen(
        agent.pk, Status.STOPPING, conditions=(stuck,), run_revision=1, pid=4242
    )
    recording.record([step])
    text = agents("status", "web").out
    assert "unkillable  KILL did not end pid 7" in text
    assert "runs an older one" in text


def test_status_prints_an_array_also_for_one_name(agents: Run, make: Make) -> None:
    make("web"), make("api")
    (one,) = agents("status", "web", "--json").json
    assert one["name"] == "web"


def test_status_prints_the_known_and_fails_for_the_unknown(
    agents: Run, make: Make
) -> None:
    make("worker")
    answer = agents("status", "wrker", "worker")
    assert answer.code == 1
    assert answer.out.startswith("worker: stopped")
    assert "There is no agent 'wrker'. Did you mean 'worker'?" in answer.err
    answer = agents("status", "--json", "worker", "wrker")
    assert answer.code == 1
    assert [one["name"] for one in answer.json] == ["worker"]


def test_status_keeps_the_order_of_the_names(agents: Run, make: Make) -> None:
    make("a"), make("b")
    answer = agents("status", "--json", "b", "a", "b")
    assert [one["name"] for one in answer.json] == ["b", "a"]


def test_status_of_many_is_a_table(agents: Run, make: Make) -> None:
    names = [make(f"a{number}").name for number in range(6)]
    assert agents("status", *names).out.startswith("AGENT")
    assert agents("status").out.startswith("AGENT")


# summary


@pytest.mark.usefixtures("supervised")
def test_summary_counts_by_status(agents: Run, make: Make) -> None:
    run_of(make("web"))
    make("api"), make("db")
    answer = agents("summary")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "3 agents"
    counts = [line.split() for line in answer.out.splitlines()[2:-1]]
    assert counts == [["stopped", "2"], ["running", "1"]]
    assert answer.out.splitlines()[-1] == "Supervisor: running"


def test_summary_as_json_tells_the_truth_about_the_supervisor(
    agents: Run, make: Make
) -> None:
    run_of(make("web"))
    # A lease that still holds, of a supervisor that was killed just now.
    nodes.take("local", "boot", 1)
    assert shapes.summary_shape()["supervisor_running"]
    assert agents("summary", "--json").json == {
        **shapes.summary_shape(),
        "running_agent_names": ["web"],
        "supervisor_running": False,
    }


def test_the_list_says_first_what_is_amiss_beside_the_status(
    agents: Run, make: Make
) -> None:
    agent = make("web")
    full = Condition("disk_full", "2026-01-02T03:04:05Z", "no room")
    run_of(agent)
    recording.record([seen(agent.pk, Status.RUNNING, conditions=(full,), pid=4242)])
    (row,) = rows(agents("list").out)
    assert row[-1].strip() == "disk full; as told"


def test_summary_says_that_a_hub_waits_for_its_database(
    agents: Run, make: Make, supervised: NodeLock
) -> None:
    degraded = {"since": "2026-01-02T03:04:05Z", "reason": "database is locked"}
    supervised.say(pid=1, degraded=degraded)
    assert agents("summary", "--json").json["degraded"] == degraded
    answer = agents("summary")
    assert "Supervisor: degraded" in answer.out
    make("web")
    for said in (answer.err, agents("list").err):
        assert "does not answer since 2026-01-02T03:04:05Z (database is locked)" in said
    supervised.say(pid=1)
    assert agents("summary", "--json").json["degraded"] is None


# history and runs


def test_history_is_the_newest_first_with_who_and_why(agents: Run, make: Make) -> None:
    agent = make("web")
    end_of(run_of(agent), Status.CRASHED, 3, "exited with 3; gave up")
    answer = agents("history", "web")
    assert answer.code == 0
    whys = [row[-1].strip() for row in rows(answer.out)]
    assert whys == ["exited with 3; gave up", "the program was executed", "start asked"]


def test_history_prints_the_apis_shape_as_json(agents: Run, make: Make) -> None:
    agent = make("web")
    end_of(run_of(agent), Status.CRASHED, 3, "exited with 3")
    make("other")
    expected = [
        shapes.status_change_shape(change) for change in agent.status_changes.all()
    ]
    assert agents("history", "web", "--json").json == expected
    assert (expected[0]["from"], expected[0]["to"]) == ("running", "crashed")
    assert agents("history", "web", "--json", "--limit", "1").json == expected[:1]
    assert agents("history", "other", "--json").json == []


def test_runs_say_how_each_ended(agents: Run, make: Make) -> None:
    agent = make("web")
    end_of(run_of(agent, pid=11), Status.BACKOFF, 3, "exited with 3")
    run_of(agent, pid=22)
    answer = agents("runs", "web")
    second, first = rows(answer.out)
    assert second[-1].strip() == "still running"
    assert first[-1].strip() == "exited with 3"
    assert "22" in "".join(second) and "11" in "".join(first)


def test_runs_print_the_apis_shape_as_json(agents: Run, make: Make) -> None:
    agent = make("web")
    end_of(run_of(agent), Status.BACKOFF, 3, "exited with 3")
    run_of(agent)
    expected = [shapes.run_shape(run) for run in agent.runs.order_by("-number")]
    found = agents("runs", "web", "--json").json
    assert found == expected
    assert [run["exit_code"] for run in found] == [None, 3]
    assert agents("runs", "web", "--json", "--limit", "1").json == expected[:1]


@pytest.mark.parametrize("subcommand", ["history", "runs"])
def test_several_agents_each_have_their_own_table(
    agents: Run, make: Make, subcommand: str
) -> None:
    run_of(make("web"))
    make("new")
    answer = agents(subcommand, "web", "nobody", "new")
    assert answer.code == 1
    assert answer.out.startswith("web:\n")
    assert answer.out.endswith("new:\n")
    assert "new has never run." in answer.err
    assert "There is no agent 'nobody'." in answer.err
    answer = agents(subcommand, "nobody", "web", "--json")
    assert answer.code == 1
    assert {one["agent"] for one in answer.json} == {"web"}
