"""What a hub leaves that was killed in the middle of a start, row by row."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from django.utils import timezone

from agents.adapters.launch import Launch
from agents.models import Run
from agents.policy.clock import boot_id
from agents.policy.states import Action, Status
from agents.services.recording import Observed, RunOpened, Step, record
from agents.supervisor.process import spawn
from tests.harness.supervisor import Actor


def begin_run(agent: Actor, **values: object) -> Run:
    """Write what a supervisor writes before it spawns, and spawn nothing."""
    asked = agent.ask(Action.START)
    row = agent.look()
    now, run_id = timezone.now(), uuid.uuid4()
    opened = RunOpened(
        id=run_id,
        agent_id=row.pk,
        agent_name=row.name,
        number=1,
        generation=asked.generation,
        restart_number=0,
        revision=1,
        setup={},
        boot=boot_id(),
        created_at=now,
    )
    after = Observed(
        Status.STARTING,
        now,
        "start asked by the test",
        "request",
        run_id=run_id,
        started_at=now,
    )
    record([Step(row.pk, row.name, Status(row.status), after, opened=opened)])
    Run.objects.filter(pk=run_id).update(**values)
    return Run.objects.get(pk=run_id)


def spawn_for(run: Run, agent: Actor, data: Path, argv: list[str]) -> spawn.Spawned:
    """What a supervisor spawns for that row."""
    env = {"MARKER": str(agent.marker), "PATH": os.environ["PATH"]}
    launch = Launch(argv=tuple(argv), cwd="/", env=env)
    spawn.lay_out(data / "runs" / run.folder, launch.stdin)
    spawned = spawn.spawn(launch, data / "runs" / run.folder, run.id)
    os.close(spawned.pidfd)
    return spawned
