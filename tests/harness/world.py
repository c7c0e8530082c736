"""A hub that has one of everything, and what is in its tables at a time."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.utils import timezone

from agents.models import (
    Agent,
    Budget,
    FileLock,
    Node,
    Price,
    Provider,
    Run,
    Schedule,
    Step,
    Task,
    Usage,
)
from agents.models.choices import BatchActionChoice
from agents.policy.lock_queue import Mode
from agents.policy.states import Action
from agents.services import (
    barriers,
    batches,
    brake_pulls,
    lifecycle,
    locks,
    tokens,
)
from agents.services.batches import Wanted
from agents.services.brake_pulls import Pull
from tests.harness.people import make_member
from tests.harness.recorded import run_of

BOB = lifecycle.Asker("bob", "page", "a reason")
# What signing in and being let in write down by themselves.
BOOKKEEPING = {"django_session": (), "agents_apitoken": ("last_used_at",)}


@dataclass
class World:
    """People, and an agent `web` that runs beside an agent `other`."""

    examples: dict[str, object] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def browser(self, name: str) -> Client:
        """Of somebody who has signed in; with no name of nobody."""
        client = Client(raise_request_exception=False)
        if name:
            client.force_login(self.people[name])
        return client

    def program(self, name: str) -> Client:
        """With this token."""
        token = f"Bearer {self.secrets[name]}"
        return Client(raise_request_exception=False, headers={"Authorization": token})


def make_world() -> World:
    """Write it all down."""
    world = World()
    for name in ("alice", "bob", "vera"):
        world.people[name] = make_member(name)
    world.people["root"] = User.objects.create_superuser("root", password="x")
    Group.objects.create(name="a group")
    _tokens(world)
    web, other = (
        Agent.objects.create(name=name, command=["sleep", "9"], labels={"a": "b"})
        for name in ("web", "other")
    )
    lifecycle.ask(Action.START, [web.pk], BOB)
    run = run_of(web)
    folder = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder
    folder.mkdir(parents=True, exist_ok=True)
    for stream in ("out", "err"):
        (folder / stream).write_text("a line\n")
    _run_token(world, "run of web", run)
    _run_token(world, "run of other", run_of(other, pid=4243))
    task = _work(web)
    lock = _lock(run)
    now = timezone.now()
    Node.objects.create(name="local", epoch=1, lease=now + timedelta(hours=1))
    barriers.make("meet", ["web"], by="alice")
    Schedule.objects.create(name="nightly", cron="0 4 * * *", names=["web"])
    _released_brake()
    batch = batches.make(Wanted(BatchActionChoice.START, [web]), BOB)
    kind = ContentType.objects.get_for_model(Agent)
    LogEntry.objects.log_actions(
        world.people["alice"].pk,
        [web],
        CHANGE,
        change_message="Changed.",
        single_object=True,
    )
    world.examples |= {
        "agents": "web",
        "name": "web",
        "names": ["web"],
        "agent": "web",
        "action": "restart",
        "ask": "stop",
        "output": run.number,
        "run": run.number,
        "stream": "out",
        "tasks": task.pk,
        "schedules": "nightly",
        "batches": batch.pk,
        "steps": 1,
        "barriers": "meet",
        "number": task.pk,
        "locks": lock.pk,
        "workspace": lock.claim.space.path,
        "paths": ["free"],
        "content_type_id": kind.pk,
        "object_id": web.pk,
        "prompt": "Do it.",
    }
    return world


def _released_brake() -> None:
    brake_pulls.pull(Pull(finish=True), BOB)
    brake_pulls.release(BOB, go_on=False)


def _tokens(world: World) -> None:
    for name, person, scope in (
        ("alice to look", "alice", "view"),
        ("vera to configure", "vera", "configure"),
        ("root to configure", "root", "configure"),
    ):
        user = world.people[person]
        issued = tokens.issue(user, name=name, scope=scope, by="a test")
        world.secrets[name] = issued.secret
    world.examples["tokens"] = issued.token.pk


def _lock(run: Run) -> FileLock:
    assert run.agent_id is not None
    path = os.path.realpath(settings.AGENTHUB_DATA_DIR)
    wanted = locks.Wanted(path, ("taken",), Mode.EXCLUSIVE, run.agent_id, run.pk)
    answer = locks.ask(wanted, wait=False)
    return FileLock.objects.select_related("claim__space").get(claim=answer.claim)


def _run_token(world: World, name: str, run: Run) -> None:
    world.secrets[name] = tokens.for_run()
    hashed = tokens.hash_of(world.secrets[name])
    Run.objects.filter(pk=run.pk).update(token_hash=hashed)


def _work(agent: Agent) -> Task:
    Provider.objects.get_or_create(name="demo", defaults={"kind": "demo"})
    Budget.objects.create(scope="all", period="day", limit=5)
    Price.objects.create(provider="demo", model="m", input=1, output=1)
    native = Agent.objects.create(
        name="writer", kind="native_llm", adapter="native", provider="demo"
    )
    task = Task.objects.create(
        agent=native, agent_name=native.name, prompt="Hello", created_by="a", via="b"
    )
    Step.objects.create(task=task, number=1, kind="user", attempt=1, data={"text": "x"})
    Usage.objects.create(
        agent=agent, agent_name=agent.name, provider="demo", kind="demo", model="m"
    )
    return task


def contents() -> dict[str, str]:
    """A hash of each table, without what is mere bookkeeping."""
    found: dict[str, str] = {}
    with connection.cursor() as cursor:
        for table, query in _queries().items():
            cursor.execute(query)
            rows = sorted(map(repr, cursor.fetchall()))
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


@cache
def _queries() -> dict[str, str]:
    quoted, looked = connection.ops.quote_name, connection.introspection
    queries = {}
    with connection.cursor() as cursor:
        for table in looked.table_names(cursor):
            left_out = BOOKKEEPING.get(table)
            if left_out == ():
                continue
            columns = looked.get_table_description(cursor, table)
            names = [c.name for c in columns if c.name not in (left_out or ())]
            listed = ", ".join(map(quoted, names))
            queries[table] = f"SELECT {listed} FROM {quoted(table)}"
    return queries
