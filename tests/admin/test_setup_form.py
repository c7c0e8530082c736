"""Adding and changing set-ups: what is kept, what is refused, who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User

from agents.models import Agent
from agents.policy.redact import MASK
from tests.admin.conftest import MakeAgent, SignIn
from tests.admin.pages import (
    added,
    errors_of,
    form_values,
    messages_of,
    page_of,
    saved,
    text_of,
)

SECRET = "sk-very-secret-value"


def test_an_agent_is_added_from_the_form(alice: User, sign_in: SignIn) -> None:
    response = added(
        sign_in(alice),
        command="python -c \"print('a b')\"",
        env=f"LANG=C\r\nAPI_KEY={SECRET}",
        labels="team=search\r\nstage=test",
        capabilities="review, python",
    )
    agent = Agent.objects.get()
    assert agent.name == "worker"
    assert agent.command == ["python", "-c", "print('a b')"]
    assert agent.env == {"LANG": "C", "API_KEY": SECRET}
    assert agent.labels == {"team": "search", "stage": "test"}
    assert agent.capabilities == ["review", "python"]
    assert (agent.status, agent.desired_state) == ("stopped", "stopped")
    assert SECRET not in text_of(response)
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.user, entry.object_repr) == (
        ADDITION,
        alice,
        "worker",
    )
    assert SECRET not in entry.change_message


def test_saving_without_a_change_changes_nothing(
    alice: User, make_agent: MakeAgent, sign_in: SignIn, tmp_path: Any
) -> None:
    agent = make_agent(
        command=["python", "-c", "print(1)\nprint('x y')\n", ""],
        env={"API_KEY": SECRET, "PEM_TOKEN": "a\nb\n", "LANG": "C", "EMPTY": ""},
        labels={"a/b.c": "x=y"},
        capabilities=["a, b", "c"],
        cwd=str(tmp_path),
        max_restarts=None,
    )
    before = Agent.objects.values().get()
    saved(sign_in(alice), agent)
    assert Agent.objects.values().get() == before
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


def test_a_change_bumps_the_revision_and_names_the_fields_in_the_log(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent()
    saved(sign_in(alice), agent, command="sleep 61", stop_grace="3")
    agent.refresh_from_db()
    assert agent.command == ["sleep", "61"]
    assert agent.revision == 2
    entry = LogEntry.objects.get()
    assert entry.action_flag == CHANGE
    assert "Command" in entry.get_change_message()


def test_a_running_agent_is_said_to_run_the_older_set_up(
    alice: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    agent = make_running()
    response = saved(client, agent, command="sleep 61", _continue="1")
    said = " ".join(messages_of(response))
    assert "runs the older set-up until it is restarted. Press Restart" in said
    agent.refresh_from_db()
    assert (agent.status, agent.pid, agent.generation) == ("running", 4242, 1)
    assert "runs revision 1, the set-up is at revision 2" in text_of(response)


def test_a_stopped_agent_is_saved_without_that_remark(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    response = saved(sign_in(alice), make_agent(), command="sleep 61")
    assert "older set-up" not in " ".join(messages_of(response))


def test_words_that_only_a_shell_knows_are_remarked_on(
    alice: User, sign_in: SignIn
) -> None:
    response = added(sign_in(alice), command="cat x | wc -l && true")
    assert Agent.objects.get().command == ["cat", "x", "|", "wc", "-l", "&&", "true"]
    assert "| and && will be given to the program" in " ".join(messages_of(response))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("command", "", "The command is empty. Name the program to run."),
        ("command", "echo 'open", "never closed"),
        ("command", "[1, 2]", "A command is a list of strings"),
        ("command", '["a\\u0000b"]', "NUL"),
        ("env", "NO EQUALS", "Line 1 has no '='"),
        ("env", "1A=x", "'1A' is not a variable's name"),
        ("env", "AGENTHUB_RUN=x", "the hub's own"),
        ("env", '{"A": 1}', "must be a text"),
        ("labels", "a b=c", "is not a label's name"),
        ("capabilities", "[1]", "list of short texts"),
        ("stop_signal", "NONSENSE", "'NONSENSE' is not a signal"),
        ("cwd", "/no/such/directory", "is not a directory on this machine"),
        ("cwd", "relative", "is relative"),
        ("backoff_initial", "90", "longer than the longest"),
        ("backoff_initial", "nan", "Enter a number."),
        ("restart_window", "0", "more than 0 seconds"),
        ("max_restarts", "-1", "greater than or equal to 0"),
        ("name", "", "This field is required."),
        ("name", "batch", "'batch' is reserved"),
        ("name", "../x", "A name has 1 to 63 letters"),
        ("name", "x" * 300, "at most 63 characters"),
        ("name", "WORKER-1", "An agent of this name exists already."),
    ],
)
def test_a_set_up_that_cannot_work_is_refused_beside_its_field(
    alice: User,
    make_agent: MakeAgent,
    sign_in: SignIn,
    field: str,
    value: str,
    said: str,
) -> None:
    make_agent("worker-1")
    response = added(sign_in(alice), **{field: value})
    errors = errors_of(response)
    assert list(errors) == [field]
    assert len(errors[field]) == 1
    assert said in errors[field][0]
    assert Agent.objects.count() == 1


def test_a_name_never_changes(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client, agent = sign_in(alice), make_agent()
    assert "name" not in form_values(client.get(page_of(agent)))
    saved(client, agent, name="other", role="changed")
    agent.refresh_from_db()
    assert (agent.name, agent.role) == ("worker", "changed")


def test_a_set_up_that_somebody_else_changed_is_not_overwritten(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client, agent = sign_in(alice), make_agent()
    old = form_values(client.get(page_of(agent)))
    saved(client, agent, role="hers")
    response = client.post(page_of(agent), old | {"role": "his"}, follow=True)
    assert "revision 1 is now 2" in errors_of(response)["__all__"][0]
    agent.refresh_from_db()
    assert agent.role == "hers"


# Secrets


def test_secret_values_are_in_no_page(
    alice: User,
    bob: User,
    carol: User,
    root: User,
    make_agent: MakeAgent,
    sign_in: SignIn,
) -> None:
    agent = make_agent(env={"API_KEY": SECRET, "LANG": "C"})
    for person in (alice, bob, carol, root):
        page = text_of(sign_in(person).get(page_of(agent)))
        assert SECRET not in page
        assert f"API_KEY={MASK}" in page
        assert "LANG=C" in page


def test_a_mask_that_comes_back_keeps_the_value(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent(env={"API_KEY": SECRET, "LANG": "C"})
    saved(sign_in(alice), agent, env=f"API_KEY={MASK}\r\nLANG=de")
    agent.refresh_from_db()
    assert agent.env == {"API_KEY": SECRET, "LANG": "de"}


def test_a_secret_can_be_replaced_and_removed(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client, agent = sign_in(alice), make_agent(env={"API_KEY": SECRET})
    saved(client, agent, env="API_KEY=new")
    agent.refresh_from_db()
    assert agent.env == {"API_KEY": "new"}
    saved(client, agent, env="")
    agent.refresh_from_db()
    assert agent.env == {}


def test_a_mask_under_another_name_is_refused(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent(env={"API_KEY": SECRET})
    response = saved(sign_in(alice), agent, env=f"OTHER_KEY={MASK}")
    assert "OTHER_KEY: the dots stand for" in errors_of(response)["env"][0]
    agent.refresh_from_db()
    assert agent.env == {"API_KEY": SECRET}


# What it depends on


def test_dependencies_are_written_one_on_each_line(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    for name in ("store", "job"):
        make_agent(name)
    client = sign_in(alice)
    added(client, depends_on="store\r\njob: completed")
    agent = Agent.objects.get(name="worker")
    assert agent.depends_on == [
        {"agent": "store", "condition": "started"},
        {"agent": "job", "condition": "completed"},
    ]
    shown = form_values(client.get(page_of(agent)))["depends_on"]
    assert shown == "store\r\njob: completed"
    saved(client, agent)
    entry = LogEntry.objects.latest("pk")
    assert entry.get_change_message() == "No fields changed."


def test_dependencies_that_cannot_be_are_refused_beside_the_field(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    make_agent("store", depends_on=[{"agent": "worker", "condition": "started"}])
    agent = make_agent("worker")
    for text, message in (
        ("stoer", "Did you mean 'store'?"),
        ("store: up", "'up' is not one of started, healthy, completed."),
        ("worker", "cannot depend on itself"),
        ("store", "worker -> store -> worker"),
        ("[1]", "a list of agents"),
        ("[", "not valid JSON"),
    ):
        response = saved(client, agent, depends_on=text)
        [problem] = errors_of(response)["depends_on"]
        assert message in problem, text
    agent.refresh_from_db()
    assert agent.depends_on == []


def test_who_may_only_look_reads_the_dependencies(
    vera: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    make_agent("store")
    agent = make_agent(depends_on=[{"agent": "store", "condition": "healthy"}])
    assert "store: healthy" in text_of(sign_in(vera).get(page_of(agent)))
