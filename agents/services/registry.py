"""Agents that the hub did not start: they register, and are alive while they are heard.

Their runs are rows like all others, with a lease in place of a process. Blocking.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.contrib.admin.models import ADDITION, CHANGE
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from agents.models import Agent, Run
from agents.models.choices import Adapter, AutoRestart, Kind
from agents.policy import setup
from agents.policy.clock import Moment, boot_id
from agents.policy.lease import GIVE_UP, LEASE, Lease
from agents.policy.states import ALIVE, Desired, Status
from agents.services import audit, changes, figures, leases, recording, tokens
from agents.services.permissions import CONFIGURE
from agents.services.recording import Observed, RunChange, RunOpened, Step
from agents.services.tokens import Caller

# Of no supervisor's node: none of them ever looks at such an agent.
NODE: Final = "external"
_SOURCE: Final = "registry"


class NameTaken(ValueError):
    """The name is that of another agent; the message says whose."""


class NotOutside(ValueError):
    """The hub has started this agent: it is stopped, and not deregistered."""


@dataclass(frozen=True, slots=True)
class About:
    """What an agent says that it is; None: as it was before."""

    role: str | None = None
    labels: dict[str, str] | None = None
    capabilities: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """The agent, its new run, and that run's token, which cannot be had again."""

    agent: Agent
    run: Run
    token: str = field(repr=False)


def register(
    name: str, caller: Caller, about: About, *, activity: str = "", note: str = ""
) -> Registered:
    """The agent of this name begins a new run; an earlier one of it is over.

    Raises ValidationError by field, and NameTaken for an agent that the hub starts, or
    that another person has registered, unless the caller may configure.
    """
    now = timezone.now()
    with transaction.atomic():
        agent, flag = _registered(name, about, caller)
        token = tokens.for_run()
        opened = _opened(agent, token, now)
        recording.record(_begins(agent, opened, caller, now))
        Run.objects.filter(pk=opened.id).update(**leases.columns(Lease.begin()))
        Agent.every.filter(pk=agent.pk).update(
            heartbeat_run=opened.id,
            last_heartbeat_at=now,
            activity=activity,
            activity_note=note,
            desired_state=Desired.RUNNING,
        )
        audit.changed(caller, [agent], f"Registered by {audit.door(caller)}.", flag)
        agent = Agent.every.select_related("run").get(pk=agent.pk)
    assert agent.run is not None
    return Registered(agent, agent.run, token)


def deregister(agent_id: int, caller: Caller, reason: str = "") -> bool:
    """Its run is over, and what it holds is free; False: that was so already.

    Raises NotOutside.
    """
    with transaction.atomic():
        agent = Agent.every.select_for_update().get(pk=agent_id)
        if agent.kind != Kind.EXTERNAL:
            raise NotOutside(f"{agent.name} was started by the hub: stop it instead.")
        if agent.status not in ALIVE:
            return False
        words = "deregistered itself" if caller.is_run else "deregistered"
        words += f": {reason}" if reason else ""
        recording.record([_ends(agent, words, _SOURCE, caller.actor)])
        Agent.every.filter(pk=agent_id).update(desired_state=Desired.STOPPED)
        told = f"Deregistered by {audit.door(caller)}"
        audit.changed(caller, [agent], told + (f": {reason}" if reason else "."))
    return True


def heard(agent_id: int, run_id: uuid.UUID, *, silent: bool, holds: bool) -> bool:
    """It has given a heartbeat: its lease is whole again. False: the run is over.

    `silent`: that is what it was called; `holds`: it has locks, whose leases go on too.
    """
    if not (silent or holds):
        return leases.renew_alone(run_id)
    with transaction.atomic():
        if not leases.renew(run_id):
            return False
        unknown = Agent.every.select_for_update().filter(
            pk=agent_id, run=run_id, status=Status.UNKNOWN
        )
        if agent := unknown.first():
            back = _seen(agent, Status.RUNNING, "it is heard of again", "heartbeat")
            recording.record([Step(agent.pk, agent.name, Status.UNKNOWN, back)])
    return True


def mark_silent() -> int:
    """Say of whom nothing was heard: first that nobody knows, then that they are gone.

    How many changed. Looked at by each read of a status: where all leases count it is
    one look at an index.
    """
    if not _some_lease_is_over() or not _doubtful():
        return 0
    with transaction.atomic():
        # Again, now that nobody writes: one may have been heard of meanwhile.
        ids = [run.agent.pk for run in _doubtful() if run.agent is not None]
        agents = Agent.every.select_for_update().select_related("run")
        steps = [_silent(agent) for agent in agents.filter(pk__in=ids)]
        gone = [one.agent_id for one in steps if one.after.status is Status.STOPPED]
        Agent.every.filter(pk__in=gone).update(desired_state=Desired.STOPPED)
        recording.record(steps)
    return len(steps)


def _some_lease_is_over() -> bool:
    now = Moment.now()
    with connection.cursor() as cursor:
        cursor.execute(_over(), (now.boot, now.at))
        return cursor.fetchone() is not None


@cache
def _over() -> str:
    # Made once: to have Django make it costs twenty times what it takes to ask it.
    table = connection.ops.quote_name(Run._meta.db_table)
    return (
        f"SELECT 1 FROM {table} WHERE ended_at IS NULL AND lease_boot_seconds IS NOT "
        "NULL AND (lease_boot <> %s OR lease_boot_seconds <= %s) LIMIT 1"
    )


def _doubtful() -> list[Run]:
    """The runs of which more has to be said than stands in their agents' rows."""
    live = Run.objects.filter(lease_boot_seconds__isnull=False, ended_at=None)
    # Of those whose lease counts nothing is read, however many they are.
    now = Moment.now()
    live = live.exclude(lease_boot=now.boot, lease_boot_seconds__gt=now.at)
    by_lease = live.order_by("lease_boot_seconds")
    return [
        run
        for run in by_lease.select_related("agent").defer("setup")
        if run.agent is not None and _is_news(leases.of(run), run.agent)
    ]


def _is_news(lease: Lease | None, agent: Agent) -> bool:
    if lease is None or lease.counts:
        return False
    return lease.hopeless or agent.status != Status.UNKNOWN


def _silent(agent: Agent) -> Step:
    assert agent.run is not None
    lease = leases.of(agent.run)
    if lease is not None and lease.hopeless:
        words = f"no heartbeat for {figures.seconds(GIVE_UP)}: it is taken for gone"
        return _ends(agent, words, "heartbeat")
    words = f"no heartbeat for {figures.seconds(LEASE)}"
    after = _seen(agent, Status.UNKNOWN, words, "heartbeat")
    return Step(agent.pk, agent.name, Status(agent.status), after)


def _registered(name: str, about: About, caller: Caller) -> tuple[Agent, int]:
    """The agent of this name, locked, and whether it is new, as a flag of the log."""
    named = Agent.every.select_for_update().filter(name__iexact=name)
    if (found := named.first()) is None:
        try:
            with transaction.atomic():
                return _new(name, about, caller), ADDITION
        except IntegrityError:
            # Somebody else, in this very moment; SQLite has one writer at a time.
            found = named.get()
    return _again(found, name, about, caller), CHANGE


def _new(name: str, about: About, caller: Caller) -> Agent:
    agent = Agent(
        name=name,
        kind=Kind.EXTERNAL,
        adapter=Adapter.EXTERNAL,
        node=NODE,
        auto_restart=AutoRestart.NEVER,
        registered_by_id=caller.user_id,
        **_told(about),
    )
    _check(agent)
    agent.save(force_insert=True)
    changes.append(changes.SETUP, [agent.pk])
    return agent


def _again(agent: Agent, name: str, about: About, caller: Caller) -> Agent:
    if agent.name != name:
        raise NameTaken(f"There is an agent {agent.name!r}: write it so, or otherwise.")
    if agent.kind != Kind.EXTERNAL:
        raise NameTaken(f"{name} is an agent that the hub starts. Choose another name.")
    if caller.user_id != agent.registered_by_id and not caller.may(CONFIGURE):
        raise NameTaken(
            f"{name} was registered by somebody else, who may do that again, as may "
            "who sets up agents. Choose another name."
        )
    told = {k: v for k, v in _told(about).items() if getattr(agent, k) != v}
    if told:
        for key, value in told.items():
            setattr(agent, key, value)
        _check(agent)
        agent.revision += 1
        agent.save(update_fields=[*told, "revision"])
    if agent.registered_by_id != caller.user_id:
        agent.registered_by_id = caller.user_id
        agent.save(update_fields=["registered_by"])
    changes.append(changes.SETUP, [agent.pk])
    return agent


def _told(about: About) -> dict[str, Any]:
    told = {
        "role": about.role,
        "labels": about.labels,
        "capabilities": about.capabilities,
    }
    return {key: value for key, value in told.items() if value is not None}


def _check(agent: Agent) -> None:
    problems: dict[str, str | None] = {
        "name": setup.name_problem(agent.name),
        "role": setup.role_problem(agent.role),
        "labels": setup.labels_problem(agent.labels),
        "capabilities": setup.capabilities_problem(agent.capabilities),
    }
    if found := {key: text for key, text in problems.items() if text}:
        raise ValidationError(found)


def _opened(agent: Agent, token: str, now: datetime) -> RunOpened:
    last = agent.runs.order_by("-number").values_list("number", flat=True).first()
    return RunOpened(
        id=uuid.uuid4(),
        agent_id=agent.pk,
        agent_name=agent.name,
        number=(last or 0) + 1,
        generation=agent.generation,
        restart_number=0,
        revision=agent.revision,
        setup={},
        boot=boot_id(),
        created_at=now,
        token_hash=tokens.hash_of(token),
    )


def _begins(
    agent: Agent, opened: RunOpened, caller: Caller, now: datetime
) -> list[Step]:
    """What was there ends, and the new run is there at once."""
    steps, before = [], Status(agent.status)
    if before in ALIVE:
        steps.append(_ends(agent, "registered anew", _SOURCE, caller.actor))
        before = Status.STOPPED
    starting = Observed(
        status=Status.STARTING,
        since=now,
        reason="registered itself",
        source=_SOURCE,
        generation=agent.observed_generation,
        run_id=opened.id,
        run_revision=agent.revision,
        started_at=now,
    )
    running = replace(starting, status=Status.RUNNING)
    began = (RunChange(opened.id, {"started_at": now}),)
    own = (agent.pk, agent.name)
    return [
        *steps,
        Step(*own, before, starting, caller.actor, opened=opened, run_changes=began),
        Step(*own, Status.STARTING, running, caller.actor),
    ]


def _ends(agent: Agent, reason: str, source: str, actor: str = "") -> Step:
    """Its run is over, as far as anybody here can know."""
    now = timezone.now()
    after = replace(_seen(agent, Status.STOPPED, reason, source), stopped_at=now)
    assert agent.run_id is not None
    ended = RunChange(
        agent.run_id, {"exited_at": now, "ended_at": now, "reason": reason}
    )
    return Step(
        agent.pk,
        agent.name,
        Status(agent.status),
        after,
        actor=actor,
        run_changes=(ended,),
    )


def _seen(agent: Agent, status: Status, reason: str, source: str) -> Observed:
    return Observed(
        status=status,
        since=timezone.now(),
        reason=reason,
        source=source,
        generation=agent.observed_generation,
        run_id=agent.run_id,
        run_revision=agent.run_revision,
        started_at=agent.started_at,
        stopped_at=agent.stopped_at,
    )
