"""The shapes in which programs read agents: the API's own, and the CLI's `--json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from agents.models import Agent, Brake, Node, Provider, Request, Run, StatusChange
from agents.policy.states import ALIVE, Status
from agents.services import brake, nodes, presence, providers
from agents.services.budgets import Standing
from agents.services.usage import Report, Sums


def utc(moment: datetime | None) -> str | None:
    """ISO 8601 with `Z`, or None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def uptime(agent: Agent, now: datetime) -> float | None:
    """Seconds since the live run began; None without one."""
    if agent.started_at is None or agent.status not in ALIVE:
        return None
    return round(max(0.0, (now - agent.started_at).total_seconds()), 3)


def last_heartbeat(agent: Agent) -> datetime | None:
    """The latest of its live or latest run; an earlier run's is no news."""
    began, beat = agent.started_at, agent.last_heartbeat_at
    return None if beat is None or (began and beat < began) else beat


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent says that it does; both empty where it says nothing."""

    activity: str = ""
    note: str = ""


def says(agent: Agent) -> Said:
    """The word of its live run; an earlier run's is no news."""
    if agent.status not in ALIVE or agent.heartbeat_run != agent.run_id:
        return Said()
    return Said(agent.activity, agent.activity_note)


def agent_shape(agent: Agent) -> dict[str, Any]:
    """One agent as programs see it; fetch it with `select_related("run")`."""
    alive = agent.pid is not None  # The latest sample of a past run is no news.
    said = says(agent)
    return {
        "name": agent.name,
        "kind": agent.kind,
        "adapter": agent.adapter,
        "role": agent.role,
        "labels": agent.labels,
        "capabilities": agent.capabilities,
        "node": agent.node,
        "depends_on": agent.depends_on,
        "desired_state": agent.desired_state,
        "generation": agent.generation,
        "observed_generation": agent.observed_generation,
        "revision": agent.revision,
        "run_revision": agent.run_revision,
        "status": agent.status,
        "status_since": utc(agent.status_since),
        "reason": agent.status_reason,
        "source": agent.status_source,
        "conditions": agent.conditions,
        "pid": agent.pid,
        "run": agent.run.number if agent.run else None,
        "restart_count": agent.restart_count,
        "restarts_total": agent.restarts_total,
        "retry_at": utc(agent.retry_at),
        "started_at": utc(agent.started_at),
        "stopped_at": utc(agent.stopped_at),
        "uptime": uptime(agent, timezone.now()),
        "last_heartbeat_at": utc(last_heartbeat(agent)),
        "last_output_at": utc(agent.last_output_at),
        "last_progress_at": utc(agent.last_progress_at),
        "activity": said.activity or None,
        "activity_note": said.note,
        "cpu_percent": agent.cpu_percent if alive else None,
        "rss_bytes": agent.rss_bytes if alive else None,
        "processes": agent.processes if alive else None,
        "open_files": agent.open_files if alive else None,
        "probes": agent.probe_states if alive else [],
    }


def run_shape(run: Run) -> dict[str, Any]:
    """One run."""
    return {
        "number": run.number,
        "id": str(run.id),
        "agent": run.agent_name,
        "pid": run.pid,
        "generation": run.generation,
        "revision": run.revision,
        "started_at": utc(run.started_at),
        "exited_at": utc(run.exited_at),
        "ended_at": utc(run.ended_at),
        "exit_code": run.exit_code,
        "reason": run.reason,
        "restart_number": run.restart_number,
        "adopted": run.adopted,
    }


def status_change_shape(change: StatusChange) -> dict[str, Any]:
    """One line of the history; fetch it with `select_related("run")`."""
    return {
        "at": utc(change.at),
        "from": change.from_status,
        "to": change.to_status,
        "reason": change.reason,
        "source": change.source,
        "actor": change.actor,
        "run": change.run.number if change.run else None,
        "agent": change.agent_name,
    }


def request_shape(request: Request) -> dict[str, Any]:
    """One request."""
    return {
        "id": request.pk,
        "agent": request.agent_name,
        "action": request.action,
        "generation": request.generation,
        "actor": request.actor,
        "via": request.via,
        "reason": request.reason,
        "at": utc(request.at),
        "outcome": request.outcome or "open",
        "detail": request.detail,
        "settled_at": utc(request.settled_at),
    }


def usage_shape(report: Report, standings: Sequence[Standing]) -> dict[str, Any]:
    """What was used, and how budgets stand. `cost`: null where nobody knows the price;
    where it is known of some requests only, `unpriced` counts the others."""
    return {
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "total": _sums_shape(report.total),
        "by_agent": [
            {"agent": one.agent} | _sums_shape(one.sums) for one in report.by_agent
        ],
        "by_model": [
            {"provider": one.provider, "model": one.model} | _sums_shape(one.sums)
            for one in report.by_model
        ],
        "by_day": [
            {"day": one.day.isoformat()} | _sums_shape(one.sums)
            for one in report.by_day
        ],
        "budgets": [_budget_shape(one) for one in standings],
    }


def money(usd: Decimal | None) -> str | None:
    """A decimal string without an exponent, or None where nobody knows."""
    if usd is None:
        return None
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sums_shape(sums: Sums) -> dict[str, Any]:
    return {
        "requests": sums.requests,
        "unpriced": sums.unpriced,
        "usage": {
            "input": sums.input,
            "cache_read": sums.cache_read,
            "cache_write": sums.cache_write,
            "output": sums.output,
            "reasoning": sums.reasoning,
        },
        "cost": money(sums.cost),
    }


def _budget_shape(one: Standing) -> dict[str, Any]:
    return {
        "scope": one.scope,
        "agent": one.agent or None,
        "provider": one.provider or None,
        "period": one.period,
        "limit": money(one.limit),
        "spent": money(one.spent),
        "unpriced": one.unpriced,
        "percent": one.percent,
        "state": one.state,
    }


def summary_shape() -> dict[str, Any]:
    """The counts over all agents, and whether anybody supervises them.

    `degraded`: {"since", "reason"} while the supervisor waits for the database.
    """
    rows = list(Agent.objects.values_list("name", "status"))
    counts = Counter(status for _, status in rows)
    running = sorted(name for name, status in rows if status == Status.RUNNING)
    trouble = presence.hardship("local")
    return {
        "total_agents": len(rows),
        "running_agents": len(running),
        "running_agent_names": running,
        "status_counts": {status.value: counts[status.value] for status in Status},
        "supervisor_running": nodes.is_supervised(),
        "degraded": None if trouble is None else asdict(trouble),
        "brake": brake_shape(brake.pulled()),
    }


def brake_shape(found: Brake | None) -> dict[str, Any]:
    """The fleet brake; most members are null while it is not pulled."""
    if found is None or not found.pulled:
        names = ("since", "by", "via", "reason", "agents", "work")
        none = dict.fromkeys(names)
        return {"pulled": False, **none, "stopped": [], "interrupted": []}
    return {
        "pulled": True,
        "since": utc(found.pulled_at),
        "by": found.pulled_by,
        "via": found.via,
        "reason": found.reason,
        "agents": "stop" if found.stops else "leave",
        "work": "interrupt" if found.interrupts else "finish",
        "stopped": [one["name"] for one in found.stopped],
        "interrupted": list(found.interrupted),
    }


def node_shape(node: Node, agents: int) -> dict[str, Any]:
    """One node, on which so many agents are set up. `state`: that of `nodes.state`."""
    state = nodes.state(node)
    trouble = presence.hardship(node.name) if state == "degraded" else None
    return {
        "name": node.name,
        "state": state,
        "degraded": None if trouble is None else asdict(trouble),
        "agents": agents,
        "pid": node.pid,
        "epoch": node.epoch,
        "last_seen_at": utc(node.last_seen),
        "lease_until": utc(node.lease),
    }


def provider_shape(provider: Provider) -> dict[str, Any]:
    """One provider. `key`: "row", the environment's variable that has it, or null."""
    return {
        "name": provider.name,
        "kind": provider.kind,
        "base_url": provider.base_url,
        "key": providers.key_is_from(provider) or None,
        "default_model": provider.default_model,
        "max_concurrent": provider.max_concurrent,
        "agents": providers.users_of(provider),
        "check_asked_at": utc(provider.check_asked_at),
        "checked_at": utc(provider.checked_at),
        "check_ok": provider.check_ok,
        "check_detail": provider.check_detail,
        "known_models": provider.known_models,
    }
