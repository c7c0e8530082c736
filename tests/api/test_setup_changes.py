"""Set-ups changed and agents deleted through the API: by whom, and what it leaves."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from django.contrib.admin.models import CHANGE, DELETION
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Agent, Provider, Request, Run, StatusChange
from agents.policy.states import Action, Status
from agents.services import lifecycle
from agents.services.lifecycle import Asker
from agents.services.setup_keys import KEYS
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.api.test_setups import NEW, SECRET, clerk, fields, lines, running
from tests.harness.recorded import end_of, run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["clerk", "make_agent"]

ODD: Final[list[Any]] = [
    *(None, True, False, 0, -1, 1.5, 10**30, 1e308, float("nan"), float("inf")),
    *("", "x", "\0", "\ud800", "a\nb", "x" * 5000, "..", "/", "~", "é"),
    *([], [None], [[]], [{}], ["x"], ["\0"], ["\ud800"], [1], ["x"] * 2000),
    *({}, {"a": None}, {"": ""}, {"a": "\0"}, {"\ud800": "x"}, {"day": 1e308}),
    *([{"type": "exec"}], [{"agent": "\ud800"}], [{"type": "http", "url": "\0"}]),
    *([{"type": "exec", "command": ["\ud800"]}], [{"type": "tcp", "port": 1e9}]),
]


# Changing


def change(one: Program, body: Any, **headers: str) -> Any:
    return one.call("PATCH", "agents/web", body, **headers)


def test_what_is_left_out_stays_and_null_is_the_default(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web", role="old", stop_grace=3, max_restarts=None, labels={"a": "b"})
    answer = change(configurer, {"role": "new", "stop_grace": None})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["role"], answer.json()["revision"]) == ("new", 2)
    web = Agent.objects.get()
    assert (web.role, web.stop_grace, web.max_restarts) == ("new", 10, None)
    assert web.labels == {"a": "b"}
    assert lines() == [
        (CHANGE, "web", "Changed role and stop_grace by the token 'configure'.")
    ]
    change(configurer, {"max_restarts": 7})
    change(configurer, {"max_restarts": None})
    assert Agent.objects.get().max_restarts is None


def test_a_set_up_that_is_sent_back_as_it_was_read_changes_nothing(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web", env={"API_KEY": SECRET, "LANG": "C"}, memory_limit=2**30)
    body = configurer.get("agents/web/setup").json()
    answer = change(configurer, body)
    assert answer.status_code == 200, answer.content
    assert Agent.objects.get().revision == 1
    assert Agent.objects.get().env == {"API_KEY": SECRET, "LANG": "C"}
    assert lines() == []


def test_an_environment_is_taken_whole_and_null_keeps_a_secret(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web", env={"API_KEY": SECRET, "TOKEN": "t", "LANG": "C"})
    answer = change(configurer, {"env": {"API_KEY": None, "A": "b"}})
    assert answer.status_code == 200, answer.content
    assert Agent.objects.get().env == {"API_KEY": SECRET, "A": "b"}
    refused = change(configurer, {"env": {"OTHER_KEY": None}})
    assert "OTHER_KEY" in fields(refused)["env"]
    assert SECRET not in str(lines())


def test_a_running_agent_goes_on_with_what_it_was_started_with(
    make_agent: MakeAgent, configurer: Program
) -> None:
    web = running(make_agent("web"))
    before = Agent.objects.get(pk=web.pk)
    assert change(configurer, {"command": ["sleep", "61"]}).status_code == 200
    after = Agent.objects.get(pk=web.pk)
    assert (after.status, after.generation, after.desired_state) == (
        before.status,
        before.generation,
        before.desired_state,
    )
    assert (after.revision, after.launch_revision) == (2, 2)
    assert not Request.objects.exists()


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"name": "other"}, "name", "never changes"),
        ({"kind": "native_llm"}, "kind", "never changes"),
        ({"backoff_initial": 90}, "backoff_initial", "longer than the longest"),
        ({"depends_on": [{"agent": "web"}]}, "depends_on", "itself"),
        ({"cwd": "/no/such/place"}, "cwd", "not a directory"),
        ({"adapter": "native"}, "adapter", "native_llm"),
        ({"Role": "x"}, "Role", "no such key"),
    ],
)
def test_a_change_that_cannot_work_changes_nothing(
    body: Any, field: str, words: str, make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web")
    answer = change(configurer, body)
    assert answer.status_code == 422, answer.content
    assert words in fields(answer)[field]
    assert Agent.objects.get().revision == 1


def test_a_circle_is_refused(make_agent: MakeAgent, configurer: Program) -> None:
    make_agent("web")
    make_agent("db", depends_on=[{"agent": "web", "condition": "started"}])
    refused = change(configurer, {"depends_on": [{"agent": "db"}]})
    assert "depends_on" in fields(refused)


def test_only_who_may_configure_changes_and_deletes(
    make_agent: MakeAgent,
    operator: Program,
    viewer: Program,
    clerk: Program,
    stranger: Program,
) -> None:
    web = running(make_agent("web"))
    run = with_token(Run.objects.get(agent=web))
    for one, status in ((viewer, 403), (operator, 403), (run, 403), (stranger, 401)):
        assert change(one, {"role": "x"}).status_code == status
        assert one.call("DELETE", "agents/web").status_code == status
    assert change(clerk, {"role": "x"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"command": ["touch", "/tmp/forged"]},
        {"env": {"LD_PRELOAD": "/tmp/forged.so"}},
        {"cwd": "/tmp"},
        {"stdin": "fifo"},
        {"probes": [{"type": "exec", "command": ["touch", "/tmp/forged"]}]},
    ],
)
def test_what_is_run_takes_the_right_to_define_commands(
    body: dict[str, Any], make_agent: MakeAgent, clerk: Program, configurer: Program
) -> None:
    make_agent("web")
    answer = change(clerk, {"role": "x", **body})
    assert answer.status_code == 403, answer.content
    assert list(fields(answer)) == list(body)
    assert Agent.objects.get().revision == 1
    assert change(configurer, body).status_code == 200


@pytest.mark.parametrize("body", [{"allow_commands": True}, {"workspace": "/tmp"}])
def test_where_a_native_agents_tools_work_takes_it_as_well(
    body: dict[str, Any], make_agent: MakeAgent, clerk: Program
) -> None:
    Provider.objects.get_or_create(name="demo", defaults={"kind": "demo"})
    native = {"kind": "native_llm", "adapter": "native", "provider": "demo"}
    make_agent("web", command=[], **native)
    assert change(clerk, body).status_code == 403
    assert change(clerk, {"model": "m", "allow_commands": False}).status_code == 200


def test_a_probe_that_runs_the_same_program_is_no_new_one(
    make_agent: MakeAgent, clerk: Program
) -> None:
    probe = {"type": "exec", "command": ["true"]}
    make_agent("web", probes=[probe])
    answer = change(clerk, {"probes": [{**probe, "period": 20}]})
    assert answer.status_code == 200, answer.content


def test_a_change_is_refused_if_somebody_else_was_faster(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web", env={"API_KEY": SECRET})
    read = configurer.get("agents/web/setup")["ETag"]
    first = change(configurer, {"env": {"API_KEY": "another"}}, If_Match=read)
    assert first.status_code == 200
    late = change(configurer, {"role": "late"}, If_Match=read)
    assert late.status_code == 412
    assert late.json()["type"].endswith(":changed-meanwhile")
    assert configurer.call("DELETE", "agents/web", If_Match=read).status_code == 412
    assert Agent.objects.get().role == ""
    # The answer of a change has the tag for the next one.
    assert change(configurer, {"role": "b"}, If_Match=first["ETag"]).status_code == 200
    assert change(configurer, {"role": "c"}, If_Match="*").status_code == 200
    weak = change(configurer, {"role": "d"}, If_Match=f"W/{read}")
    assert weak.status_code == 412


def test_another_agent_of_the_same_name_is_not_the_one_that_was_read(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web")
    read = configurer.get("agents/web/setup")["ETag"]
    assert configurer.call("DELETE", "agents/web").status_code == 204
    make_agent("web")
    assert change(configurer, {"role": "x"}, If_Match=read).status_code == 412


def test_a_session_changes_set_ups_with_its_csrf_token(
    make_agent: MakeAgent, alice: User
) -> None:
    make_agent("web")
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    path, kind = "/api/v1/agents/web", "application/json"
    refused = client.patch(path, {"role": "x"}, content_type=kind)
    assert refused.status_code == 403
    client.get("/")
    token = {"X-CSRFToken": client.cookies["csrftoken"].value}
    done = client.patch(path, {"role": "x"}, content_type=kind, headers=token)
    assert done.status_code == 200, done.content
    assert lines() == [(CHANGE, "web", "Changed role by the API.")]


# Deleting


def test_a_stopped_agent_is_deleted_and_its_history_stays(
    make_agent: MakeAgent, configurer: Program
) -> None:
    web = make_agent("web")
    end_of(run_of(web), Status.CRASHED, 3, "it exited with 3")
    answer = configurer.call("DELETE", "agents/web")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Agent.objects.exists()
    assert Run.objects.get().agent_name == "web"
    assert StatusChange.objects.filter(agent_name="web").count() == 3
    assert lines() == [(DELETION, "web", "Deleted by the token 'configure'.")]
    assert configurer.call("DELETE", "agents/web").status_code == 404


def test_what_lives_is_asked_to_start_or_is_needed_stays(
    make_agent: MakeAgent, configurer: Program
) -> None:
    running(make_agent("web"))
    asked = make_agent("asked")
    lifecycle.ask(Action.START, [asked.pk], Asker("bob", "test"))
    make_agent("needed")
    make_agent("needs", depends_on=[{"agent": "needed", "condition": "started"}])
    for name, words in (
        ("web", "is running"),
        ("asked", "asked to start"),
        ("needed", "needs"),
    ):
        answer = configurer.call("DELETE", f"agents/{name}")
        assert answer.status_code == 409, name
        assert words in answer.json()["detail"]
    assert Agent.objects.count() == 4
    assert lines() == []


# Whatever is sent


def send_all(key: str, values: list[Any], configurer: Program) -> None:
    """Each of these in a change and, as all of a set-up, for new agents."""
    native = {"name": "n", "kind": "native_llm", "provider": "demo"}
    for value in values:
        for answer in (
            change(configurer, json.dumps({key: value})),
            configurer.post("agents", json.dumps({**NEW, "name": "new", key: value})),
            configurer.post("agents", json.dumps({**native, key: value})),
        ):
            assert answer.status_code in (200, 201, 422), (key, value, answer.content)
            if answer.status_code == 422:
                assert answer.json()["detail"]
        Agent.objects.exclude(name="web").delete()
    assert configurer.get("agents/web/setup").status_code == 200


def test_half_a_letter_breaks_nothing_wherever_it_is_sent(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web")
    for key in (*KEYS, "workspace_mode", "\ud800", ""):
        values = [["\ud800"], "\ud800", {"\ud800": "\ud800"}, [{"agent": "\ud800"}]]
        for value in values:
            answer = change(configurer, json.dumps({key: value}))
            assert answer.status_code == 422, (key, value, answer.content)


@pytest.mark.full
@pytest.mark.parametrize("key", [*KEYS, "workspace_mode", "\ud800", ""])
def test_nothing_that_is_sent_under_a_key_breaks_the_hub(
    key: str, make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web")
    Provider.objects.get_or_create(name="demo", defaults={"kind": "demo"})
    send_all(key, ODD, configurer)
