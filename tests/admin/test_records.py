"""Requests, runs, history, nodes and the audit log: read by some, changed by nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import (
    Agent,
    Batch,
    Brake,
    LockClaim,
    Node,
    Request,
    Run,
    StatusChange,
)
from agents.models.choices import BatchActionChoice
from agents.policy.states import Action
from agents.services import batches, lifecycle, setups
from agents.services.batches import Wanted
from agents.services.locks import Call
from tests.admin.conftest import MakeAgent, SignIn, make_run
from tests.admin.pages import text_of
from tests.harness.locking import claimed

SECRET = "sk-very-secret-value"
ROOMS = ("request", "run", "statuschange", "node", "brake", "batch", "lockclaim")


@pytest.fixture
def recorded(make_agent: MakeAgent, supervised: Node) -> Agent:
    """An agent with one record of each kind."""
    agent = make_agent()
    lifecycle.ask(
        Action.START, [agent.pk], lifecycle.Asker("bob", "admin", "because I can")
    )
    run = make_run(
        agent,
        pid=4242,
        setup={"command": ["sleep", "60"], "env": {"API_KEY": SECRET, "LANG": "C"}},
        ended_at=timezone.now() + timedelta(seconds=90),
        exit_code=137,
        reason="ended by signal KILL",
    )
    StatusChange.objects.create(
        agent=agent,
        agent_name=agent.name,
        from_status="running",
        to_status="crashed",
        reason="ended by signal KILL",
        source="pidfd",
        actor="bob",
        run=run,
        at=timezone.now(),
    )
    by_bob = Call(asked_by="bob", via="api")
    claimed(agent, "src/**", "README.md", run_id=run.pk, call=by_bob)
    wanted = Wanted(BatchActionChoice.START, [agent], whom="1 agent")
    batches.make(wanted, lifecycle.Asker("bob", "page", "an upgrade"))
    Brake.objects.create(
        pulled_by="bob",
        via="page",
        reason="they delete files",
        made_boot="boot",
        made_boot_seconds=1,
        stops=True,
        interrupts=True,
    )
    return agent


def only(room: str) -> object:
    models = {
        m._meta.model_name: m
        for m in (Request, Run, StatusChange, Node, Brake, Batch, LockClaim)
    }
    return models[room]._default_manager.get()


def change_page(room: str) -> str:
    return f"/admin/agents/{room}/{only(room).pk}/change/"  # type: ignore[attr-defined]


@pytest.mark.parametrize("room", ROOMS)
def test_not_even_a_superuser_changes_what_is_recorded(
    root: User, recorded: Agent, sign_in: SignIn, room: str
) -> None:
    client = sign_in(root)
    page = client.get(change_page(room))
    assert 'name="_save"' not in text_of(page)
    assert "deletelink" not in text_of(page)
    before = only(room)
    delete = change_page(room).replace("/change/", "/delete/")
    for address in (change_page(room), delete, f"/admin/agents/{room}/add/"):
        response = client.post(address, {"post": "yes", "reason": "forged"})
        assert response.status_code == 403, address
    listed = client.get(f"/admin/agents/{room}/")
    assert "delete_selected" not in text_of(listed)
    assert only(room) == before


@pytest.mark.parametrize("room", ROOMS)
def test_who_may_look_reads_the_records_and_others_do_not(
    archivist: User, vera: User, recorded: Agent, sign_in: SignIn, room: str
) -> None:
    for address in (f"/admin/agents/{room}/", change_page(room)):
        assert sign_in(archivist).get(address).status_code == 200
        assert sign_in(vera).get(address).status_code == 403


@pytest.mark.parametrize(
    ("room", "said"),
    [
        ("request", ("worker", "Start", "bob", "because I can", "Open")),
        ("run", ("worker", "4242", "Ended, 137", "1 min 30 s", "ended by signal KILL")),
        ("statuschange", ("worker", "Running", "Crashed", "pidfd", "run 1")),
        ("node", ("local", "Present")),
        ("batch", ("Start", "1 agent", "Under way", "bob")),
        ("brake", ("Pulled", "bob", "they delete files")),
        ("lockclaim", ("worker", "Held", "src/**, README.md")),
    ],
)
def test_a_list_of_records_says_what_happened(
    archivist: User,
    recorded: Agent,
    sign_in: SignIn,
    room: str,
    said: tuple[str, ...],
) -> None:
    page = text_of(sign_in(archivist).get(f"/admin/agents/{room}/"))
    for text in said:
        assert text in page, text


def test_a_lock_shows_where_for_whom_and_by_whose_call(
    archivist: User, recorded: Agent, sign_in: SignIn
) -> None:
    page = text_of(sign_in(archivist).get(change_page("lockclaim")))
    for said in ("/srv/space", "src/**", "README.md", "Exclusive", "run 1", "bob"):
        assert said in page, said
    assert '<a href="/locks/">Locks</a>' in page


def test_a_run_shows_what_it_was_started_with_and_no_secret(
    archivist: User, recorded: Agent, sign_in: SignIn
) -> None:
    page = text_of(sign_in(archivist).get(change_page("run")))
    assert "sleep" in page
    assert "LANG" in page
    assert SECRET not in page
    assert "ended by signal KILL (exit code 137)" in page
    assert "/agents/worker/output/1/out" in page


@pytest.mark.parametrize("room", ("request", "run", "statuschange", "lockclaim"))
def test_records_are_found_by_their_agents_name_after_it_is_deleted(
    archivist: User, recorded: Agent, sign_in: SignIn, room: str
) -> None:
    Agent.objects.filter(pk=recorded.pk).update(observed_generation=1)
    setups.delete(recorded)
    client = sign_in(archivist)
    assert "(deleted)" in text_of(client.get(f"/admin/agents/{room}/?q=work"))
    assert "0 results" in text_of(client.get(f"/admin/agents/{room}/?q=nobody"))
    assert "(deleted)" in text_of(client.get(change_page(room)))


@pytest.mark.parametrize("room", ("request", "run", "statuschange", "lockclaim"))
def test_a_list_of_records_costs_the_same_for_any_number(
    archivist: User, recorded: Agent, make_agent: MakeAgent, sign_in: SignIn, room: str
) -> None:
    client = sign_in(archivist)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(client.get(f"/admin/agents/{room}/"))
        return len(queries)

    cost()
    few = cost()
    for n in range(30):
        agent = make_agent(f"more-{n}")
        lifecycle.ask(Action.START, [agent.pk], lifecycle.Asker("bob", "admin"))
        run = make_run(agent)
        claimed(agent, f"docs/{n}", run_id=run.pk)
        StatusChange.objects.create(
            agent=agent,
            agent_name=agent.name,
            from_status="stopped",
            to_status="starting",
            reason="asked",
            source="supervisor",
            run=run,
            at=timezone.now(),
        )
    assert cost() == few


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("request/?outcome__exact=", 1),
        ("request/?outcome__exact=done", 0),
        ("request/?action__exact=start", 1),
        ("run/?ended_at__isempty=1", 0),
        ("run/?ended_at__isempty=0", 1),
        ("run/?q=4242", 1),
        ("statuschange/?to_status__exact=crashed", 1),
        ("statuschange/?to_status__exact=running", 0),
        ("lockclaim/?state__exact=held", 1),
        ("lockclaim/?state__exact=ended", 0),
        ("lockclaim/?mode__exact=shared", 0),
        ("lockclaim/?q=README", 1),
        ("lockclaim/?q=/srv/space", 1),
        ("lockclaim/?q=nowhere", 0),
    ],
)
def test_records_are_filtered(
    archivist: User, recorded: Agent, sign_in: SignIn, address: str, found: int
) -> None:
    page = sign_in(archivist).get(f"/admin/agents/{address}")
    assert len(page.context["cl"].result_list) == found


@pytest.mark.parametrize(
    ("lease", "said"), [(None, "Has left"), (-60, "Silent"), (60, "Present")]
)
def test_a_node_says_whether_its_supervisor_is_there(
    archivist: User, db: None, sign_in: SignIn, lease: int | None, said: str
) -> None:
    end = None if lease is None else timezone.now() + timedelta(seconds=lease)
    Node.objects.create(name="local", epoch=1, lease=end)
    assert said in text_of(sign_in(archivist).get("/admin/agents/node/"))


def test_the_audit_log_says_who_did_what_and_stays(
    root: User, alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(root)
    agent = make_agent()
    ask = "/admin/agents/agent/ask/start/"
    client.post(ask, {"agents": str(agent.pk)})
    page = text_of(client.get("/admin/admin/logentry/"))
    for said in ("root", "worker", "Asked to start.", "Changed"):
        assert said in page
    entry = f"/admin/admin/logentry/{LogEntry.objects.get().pk}/"
    for action in ("change", "delete"):
        assert client.post(f"{entry}{action}/", {"post": "yes"}).status_code == 403
    assert LogEntry.objects.count() == 1
    assert sign_in(alice).get("/admin/admin/logentry/").status_code == 403
