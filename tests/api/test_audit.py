"""The audit through the API: who did what, once each, to those who may view it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from agents.models import Request
from agents.policy.states import Action
from agents.services import lifecycle
from agents.services.lifecycle import Asker
from tests.api.conftest import Program, program
from tests.api.test_agent_lists import walked
from tests.api.test_callers import with_token
from tests.api.test_setups import NEW, running
from tests.harness.people import make_person
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]


def allowed(user: User) -> User:
    """May view the audit log, as an auditor may."""
    user.user_permissions.add(Permission.objects.get(codename="view_logentry"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def auditor(db: None) -> Program:
    """May look, and view the audit log; nothing else."""
    return program(allowed(make_person("ada", "view_agent")), "configure")


def test_an_act_of_each_door_is_told_once_with_who_and_by_what(
    make_agent: MakeAgent, auditor: Program, operator: Program, configurer: Program
) -> None:
    configurer.post("agents", NEW)
    operator.post("agents/web/start", {"reason": "for the demo"})
    configurer.call("PATCH", "agents/web", {"role": "writer"})
    web = Request.objects.get().agent_id
    assert web is not None
    lifecycle.ask(Action.STOP, [web], Asker("vera", "page"))
    items = walked(auditor, "audit?object=web")
    told = [(one["actor"], one["via"], one["action"], one["outcome"]) for one in items]
    assert told == [
        ("vera", "page", "stop", "open"),
        ("alice", None, "changed", None),
        ("bob", "api: operate", "start", "superseded"),
        ("alice", None, "added", None),
    ]
    assert items[1]["detail"] == "Changed role by the token 'configure'."
    assert items[2]["detail"] == "for the demo"
    assert {one["object_type"] for one in items} == {"agent"}


def test_what_is_no_agents_stands_there_too(
    auditor: Program, configurer: Program
) -> None:
    made = [one for one in walked(auditor, "audit") if one["actor"] == "alice"]
    assert [(one["object_type"], one["action"]) for one in made] == [
        ("apitoken", "added")
    ]


def test_pages_fit_together_and_stay_so_while_more_is_done(
    make_agent: MakeAgent, auditor: Program, operator: Program, configurer: Program
) -> None:
    configurer.post("agents", NEW)
    for number in range(4):
        operator.post("agents/web/start", {"reason": f"{number}"})
        configurer.call("PATCH", "agents/web", {"role": f"{number}"})
    operator.post("agents/web/stop")
    operator.post("agents/web/stop", {"reason": "again"})
    whole = auditor.get("audit?object=web&limit=500").json()["items"]
    assert len(whole) >= 10
    for size in (1, 2, 3, len(whole)):
        items: list[Any] = []
        cursor = ""
        while True:
            path = f"audit?object=web&limit={size}{cursor}"
            page = auditor.get(path).json()
            items += page["items"]
            if page["next"] is None:
                break
            assert len(page["items"]) == size
            cursor = f"&cursor={page['next']}"
            # What is done meanwhile belongs before the first page.
            configurer.call("PATCH", "agents/web", {"role": f"{size} {cursor[-150:]}"})
            operator.post("agents/web/start")
        known = [(one["at"], one["action"], one["detail"]) for one in items]
        assert len(set(known)) == len(known)
        assert known[-len(whole) :] == [
            (one["at"], one["action"], one["detail"]) for one in whole
        ]
        whole = auditor.get("audit?object=web&limit=500").json()["items"]


def test_filters_have_to_hold_and_a_cursor_fits_no_other_list(
    make_agent: MakeAgent, auditor: Program, operator: Program
) -> None:
    for name in ("web", "db"):
        make_agent(name)
        operator.post(f"agents/{name}/start")
    items = walked(auditor, "audit?actor=bob&object=db")
    assert [(one["object"], one["action"]) for one in items] == [("db", "start")]
    assert walked(auditor, "audit?actor=nobody") == []
    following = auditor.get("audit?limit=1").json()["next"]
    for path in ("audit?actor=bob", "agents?limit=1"):
        joint = "&" if "?" in path else "?"
        assert auditor.get(f"{path}{joint}cursor={following}").status_code == 422
    assert auditor.get("audit?who=bob").status_code == 422


def test_only_who_may_view_the_audit_log_reads_it(
    make_agent: MakeAgent,
    alice: User,
    configurer: Program,
    operator: Program,
    viewer: Program,
    stranger: Program,
) -> None:
    web = running(make_agent("web"))
    web.refresh_from_db()
    assert web.run is not None
    for one, status in (
        (stranger, 401),
        (viewer, 403),
        (operator, 403),
        (configurer, 403),
        (with_token(web.run), 403),
    ):
        assert one.get("audit").status_code == status
    assert "audit log" in configurer.get("audit").json()["detail"]
    allowed(alice)
    assert configurer.get("audit").status_code == 200
    # A token that is to look at agents does not tell who did what.
    assert program(alice, "view").get("audit").status_code == 403
