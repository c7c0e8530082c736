"""Native agents in the admin: their form, who may set what, clones, and their kind."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Agent, Provider
from agents.policy.native import PRESETS
from agents.policy.redact import MASK
from tests.admin.conftest import SignIn
from tests.admin.pages import (
    ADD,
    LIST,
    errors_of,
    form_values,
    page_of,
    saved,
    text_of,
)

NATIVE = f"{ADD}?kind=native_llm"
SECRET = "sk-very-secret-value"
FOREIGN = {"command", "cwd", "stdin", "stop_signal", "memory_limit"}
OWN = {"provider", "model", "system_prompt", "workspace", "max_concurrent_tasks"}


@pytest.fixture(autouse=True)
def two_providers(db: None) -> None:
    Provider.objects.all().delete()
    Provider.objects.create(name="own", kind="demo", known_models=["demo-1"])
    Provider.objects.create(name="claude", kind="anthropic", known_models=["claude-1"])


@pytest.fixture
def thinker(db: None) -> Agent:
    return Agent.objects.create(
        name="thinker",
        kind="native_llm",
        adapter="native",
        provider="own",
        model="demo-1",
        role="reviewer",
        system_prompt="  Be brief.\n\nBe kind.\n",
        env={"API_KEY": SECRET},
        workspace="/srv/project",
    )


def added(client: Client, **changes: str) -> Any:
    values = form_values(client.get(NATIVE))
    given = {"name": "thinker", "provider": "own"}
    return client.post(NATIVE, values | given | changes, follow=True)


# Its form


def test_a_native_agent_is_added_from_its_form(alice: User, sign_in: SignIn) -> None:
    response = added(
        sign_in(alice),
        model="any-model",
        role="developer",
        system_prompt="Be brief.\r\nBe kind.",
        workspace="/srv/project",
        allow_commands="on",
        max_concurrent_tasks="4",
        env=f"API_KEY={SECRET}",
    )
    agent = Agent.objects.get()
    assert (agent.kind, agent.adapter, agent.command) == ("native_llm", "native", [])
    assert (agent.provider, agent.model, agent.role) == (
        "own",
        "any-model",
        "developer",
    )
    assert agent.system_prompt == "Be brief.\nBe kind."
    assert (agent.workspace, agent.allow_commands) == ("/srv/project", True)
    assert (agent.max_concurrent_tasks, agent.env) == (4, {"API_KEY": SECRET})
    assert SECRET not in text_of(response)


def test_each_kind_has_its_own_fields_and_leads_to_the_other(
    alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    native, program = client.get(NATIVE), client.get(ADD)
    assert set(form_values(native)) >= OWN and "env" in form_values(native)
    assert not FOREIGN & set(form_values(native))
    assert set(form_values(program)) >= FOREIGN
    assert not OWN & set(form_values(program))
    assert "<h1>Add native agent</h1>" in text_of(native)
    assert 'href="?kind=native_llm"' in text_of(program)
    assert 'href="?kind=process_wrapper"' in text_of(native)
    assert NATIVE in text_of(client.get(LIST))


def test_another_kind_is_that_of_a_program(alice: User, sign_in: SignIn) -> None:
    page = sign_in(alice).get(f"{ADD}?kind=robot")
    assert "command" in form_values(page)


def test_providers_are_a_choice_and_models_and_roles_are_suggested(
    alice: User, thinker: Agent, sign_in: SignIn
) -> None:
    page = text_of(sign_in(alice).get(page_of(thinker)))
    assert "own (Demo (no model))" in page and "claude (Anthropic)" in page
    models = page[page.index('id="list_model"') :]
    assert models.index('value="demo-1"') < models.index('value="claude-1"')
    assert all(f'<option value="{name}">' in page for name in PRESETS)
    assert 'list="list_model"' in page and 'list="list_role"' in page


def test_the_prompt_of_its_role_is_shown_in_place_of_an_own_one(
    alice: User, thinker: Agent, sign_in: SignIn
) -> None:
    page = text_of(sign_in(alice).get(page_of(thinker)))
    beginning = PRESETS["reviewer"][:30]
    assert f'placeholder="{beginning}' in page.replace("&#x27;", "'")
    assert "What the roles bring" in page


def test_saving_without_a_change_changes_nothing(
    alice: User, thinker: Agent, sign_in: SignIn
) -> None:
    before = Agent.objects.values().get()
    saved(sign_in(alice), thinker)
    assert Agent.objects.values().get() == before
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("provider", "", "Name the provider to ask."),
        ("provider", "nobody", "Select a valid choice"),
        ("workspace", "project", "Give an absolute path"),
        ("max_concurrent_tasks", "0", "Give 1 to 100"),
        ("system_prompt", "x" * 200_001, "characters at most"),
        ("model", "m" * 201, "at most 200"),
    ],
)
def test_what_cannot_work_is_said_beside_its_field(
    alice: User, sign_in: SignIn, field: str, value: str, said: str
) -> None:
    response = added(sign_in(alice), **{field: value})
    assert said in " ".join(errors_of(response)[field])
    assert not Agent.objects.exists()


def test_a_provider_that_has_gone_is_shown_as_such(
    alice: User, thinker: Agent, sign_in: SignIn
) -> None:
    Provider.objects.filter(name="own").delete()
    page = text_of(sign_in(alice).get(page_of(thinker)))
    assert "own (there is no such provider any more)" in page


# Its kind


def test_a_kind_cannot_be_forged(alice: User, thinker: Agent, sign_in: SignIn) -> None:
    client = sign_in(alice)
    forged = {"kind": "process_wrapper", "command": "touch /tmp/forged", "adapter": "x"}
    assert "Native LLM" in text_of(client.get(page_of(thinker)))
    saved(client, thinker, role="changed", **forged)
    values = form_values(client.get(page_of(thinker)))
    client.post(f"{page_of(thinker)}?kind=process_wrapper", values | forged)
    thinker.refresh_from_db()
    assert (thinker.kind, thinker.adapter) == ("native_llm", "native")
    assert (thinker.command, thinker.role) == ([], "changed")


# Who may


def test_configuring_alone_changes_the_model_and_not_what_it_may_run(
    carol: User, thinker: Agent, sign_in: SignIn
) -> None:
    client = sign_in(carol)
    page = client.get(page_of(thinker))
    assert "/srv/project" in text_of(page) and SECRET not in text_of(page)
    assert not {"workspace", "env"} & set(form_values(page))
    assert 'name="allow_commands"' not in text_of(page)
    forged = {"workspace": "/etc", "allow_commands": "on", "env": "LD_PRELOAD=/x"}
    saved(client, thinker, provider="claude", model="claude-1", **forged)
    thinker.refresh_from_db()
    assert (thinker.provider, thinker.model) == ("claude", "claude-1")
    assert (thinker.workspace, thinker.allow_commands) == ("/srv/project", False)
    assert thinker.env == {"API_KEY": SECRET}


def test_configuring_alone_adds_no_native_agent(carol: User, sign_in: SignIn) -> None:
    client = sign_in(carol)
    given = {"name": "forged", "provider": "own", "allow_commands": "on"}
    assert client.get(NATIVE).status_code == 403
    assert client.post(NATIVE, given).status_code == 403
    assert not Agent.objects.exists()
    assert NATIVE not in text_of(client.get(LIST))


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_may_not_configure_reads_only(
    name: str, thinker: Agent, sign_in: SignIn, request: pytest.FixtureRequest
) -> None:
    client = sign_in(request.getfixturevalue(name))
    page = text_of(client.get(page_of(thinker)))
    assert "Be brief." in page and "/srv/project" in page and MASK in page
    assert 'name="_save"' not in page and SECRET not in page
    forged = {"provider": "claude", "allow_commands": "on"}
    assert client.post(page_of(thinker), forged).status_code == 403
    assert client.post(NATIVE, {"name": "forged", **forged}).status_code == 403
    thinker.refresh_from_db()
    assert (thinker.provider, thinker.allow_commands) == ("own", False)


# Clones


def test_a_clone_is_of_the_same_kind_and_has_the_same_set_up(
    alice: User, thinker: Agent, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    address = f"{ADD}?clone={thinker.pk}"
    page = client.get(address)
    assert SECRET not in text_of(page)
    client.post(address, form_values(page))
    clone = Agent.objects.get(name="thinker-2")
    for field in ("kind", "adapter", "model", "role", "env", *OWN):
        assert getattr(clone, field) == getattr(thinker, field), field
