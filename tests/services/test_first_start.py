"""The first start: groups, one administrator, and demo agents that really run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from agents.models import Agent, Request
from agents.policy import preflight
from agents.services import first_start, permissions, setups
from agents.services.first_start import DEMO

pytestmark = pytest.mark.django_db


def may(group: str) -> set[str]:
    permissions = Group.objects.get(name=group).permissions
    names = permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in names}


# Groups


def test_every_group_gets_every_permission_it_names() -> None:
    """A name that the database does not know would be left out without a word."""
    first_start.make_groups()
    assert {group.name for group in Group.objects.all()} == set(permissions.GROUPS)
    for name, names in permissions.GROUPS.items():
        assert may(name) == set(names)


def test_only_command_authors_may_define_commands() -> None:
    first_start.make_groups()
    who = [
        name for name in permissions.GROUPS if permissions.DEFINE_COMMANDS in may(name)
    ]
    assert who == ["Command authors"]
    assert permissions.OPERATE not in may("Viewers")
    assert permissions.CONFIGURE not in may("Operators")


def test_a_group_that_somebody_changed_stays_so() -> None:
    first_start.make_groups()
    Group.objects.get(name="Operators").permissions.clear()
    first_start.make_groups()
    assert may("Operators") == set()


def test_a_group_that_somebody_deleted_or_renamed_is_not_made_again() -> None:
    first_start.make_groups()
    Group.objects.filter(name="Viewers").delete()
    Group.objects.filter(name="Auditors").update(name="Revisors")
    first_start.make_groups()
    names = set(Group.objects.values_list("name", flat=True))
    assert names == set(permissions.GROUPS) - {"Viewers", "Auditors"} | {"Revisors"}


@pytest.fixture
def old_groups(transactional_db: None) -> Iterator[None]:
    """A database from before there were barriers, batches and the brake: an operator's
    group without its runs, on purpose, and a viewer's that may see groups too."""
    executor = MigrationExecutor(connection)
    newest = [one for one in executor.loader.graph.leaf_nodes() if one[0] == "agents"]
    executor.migrate([("agents", "0018_brake_awaits")])
    try:
        records = ("request", "run", "statuschange", "node")
        view = [permissions.VIEW, *(f"agents.view_{name}" for name in records)]
        for name, more in (
            ("Viewers", {"auth.view_group"}),
            ("Operators", {permissions.OPERATE}),
        ):
            group = Group.objects.create(name=name)
            for one in {*view, *more}:
                app, codename = one.split(".")
                group.permissions.add(
                    Permission.objects.get(
                        content_type__app_label=app, codename=codename
                    )
                )
        run = Permission.objects.get(codename="view_run")
        Group.objects.get(name="Operators").permissions.remove(run)
        MigrationExecutor(connection).migrate(newest)
        yield
    finally:
        MigrationExecutor(connection).migrate(newest)


def test_groups_of_an_older_hub_get_what_is_new_and_keep_what_people_changed(
    old_groups: None,
) -> None:
    assert "agents.view_barrier" not in may("Viewers")
    first_start.make_groups()
    assert may("Viewers") == {*permissions.GROUPS["Viewers"], "auth.view_group"}
    meant = set(permissions.GROUPS["Operators"])
    assert may("Operators") == meant - {"agents.view_run"}
    assert may("Configurators") == set(permissions.GROUPS["Configurators"])
    Group.objects.get(name="Viewers").permissions.clear()
    first_start.make_groups()
    assert may("Viewers") == set(), "given once"


# The administrator


def test_the_first_administrator_gets_a_password_that_is_told_once() -> None:
    password = first_start.make_admin("")
    assert password is not None
    assert len(password) == 16
    assert authenticate(username="admin", password=password) == User.objects.get()
    assert User.objects.get().is_superuser
    assert first_start.make_admin("") is None


def test_passwords_are_made_anew_and_can_be_read_off_a_terminal() -> None:
    passwords = set()
    for _ in range(20):
        User.objects.all().delete()
        passwords.add(first_start.make_admin(""))
    assert len(passwords) == 20
    assert not set("".join(filter(None, passwords))) & set("0O1lIoi")


def test_a_chosen_password_is_used_and_not_told() -> None:
    assert first_start.make_admin("open sesame") is None
    assert authenticate(username="admin", password="open sesame")


def test_a_hub_that_has_people_gets_no_administrator(bob: User) -> None:
    assert first_start.make_admin("open sesame") is None
    assert not User.objects.filter(username="admin").exists()


# The demo


def test_the_demo_is_made_and_asked_to_start() -> None:
    assert first_start.make_demo() == len(DEMO) == 4
    assert set(Agent.objects.values_list("desired_state", flat=True)) == {"running"}
    assert (
        list(Request.objects.values_list("action", "actor", "outcome"))
        == [("start", "hub", "")] * 4
    )


def test_a_hub_that_has_agents_gets_no_demo() -> None:
    setups.save(Agent(name="mine", command=["true"]))
    assert first_start.make_demo() == 0
    assert Agent.objects.count() == 1


def test_a_demo_that_was_deleted_does_not_come_back() -> None:
    first_start.make_demo()
    Agent.objects.all().delete()
    assert first_start.make_demo() == 0
    assert not Agent.objects.exists()


def test_the_demo_is_made_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a hub that was killed meanwhile would never start what it had made."""
    monkeypatch.setattr(first_start, "DEMO", [*DEMO, {"name": "bad", "command": []}])
    with pytest.raises(ValidationError):
        first_start.make_demo()
    assert not Agent.objects.exists()


PROGRAMS = [values for values in DEMO if "command" in values]


@pytest.mark.parametrize(
    "values", PROGRAMS, ids=[values["name"] for values in PROGRAMS]
)
def test_each_demo_agent_is_a_program_that_this_machine_can_run(
    values: dict[str, Any],
) -> None:
    python, *arguments = values["command"]
    preflight.check((python, *arguments), "/", {})
    assert shutil.which(python) == python
    if arguments[0] == "-c":
        compile(arguments[1], values["name"], "exec")


def test_the_demo_shows_a_restart_without_an_end() -> None:
    crashing = next(one for one in DEMO if one["name"] == "demo-crashing")
    assert crashing["max_restarts"] is None
