"""`agents list|status|summary|history|runs`: what is known, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from agents.management.agentctl import selection, supervision
from agents.management.agentctl.terminal import NARROW, ROOMY, Column, Terminal
from agents.management.agentctl.wording import age, clock, number
from agents.models import Agent, Run, StatusChange
from agents.policy.clock import Moment
from agents.policy.states import ALIVE, NEEDS_A_PERSON, Status
from agents.services import shapes
from agents.services.figures import NOTHING, counted, percent, seconds, size

# So many agents are shown in full; more of them in a table.
FEW: Final = 5

AGENT_COLUMNS: Final = (
    Column("Agent", fold=True),
    Column("Status", status=True),
    Column("Since", right=True),
    Column("Restarts", right=True, least_width=ROOMY),
    Column("PID", right=True, least_width=ROOMY),
    Column("CPU", right=True, least_width=ROOMY),
    Column("Memory", right=True, least_width=ROOMY),
    Column("Why", least_width=NARROW),
)
HISTORY_COLUMNS: Final = (
    Column("When (UTC)"),
    Column("From", least_width=ROOMY),
    Column("To", status=True),
    Column("Run", right=True, least_width=NARROW),
    Column("By", least_width=ROOMY),
    Column("Why", fold=True),
)
RUN_COLUMNS: Final = (
    Column("Run", right=True),
    Column("Started (UTC)"),
    Column("Lasted", right=True),
    Column("Exit", right=True),
    Column("PID", right=True, least_width=NARROW),
    Column("Restart", right=True, least_width=ROOMY),
    Column("Adopted", least_width=ROOMY),
    Column("Why", fold=True, least_width=NARROW),
)


def show_list(options: Mapping[str, Any], terminal: Terminal) -> int:
    """All agents."""
    agents = list(selection.readable_agents())
    if terminal.as_json:
        terminal.json([shapes.agent_shape(agent) for agent in agents])
    elif agents:
        _table_of_agents(agents, terminal)
    else:
        terminal.note("There are no agents yet. `manage.py agents import` makes some.")
    return 0


def show_status(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Some agents in full, or many in a table."""
    if not options["names"]:
        return show_list(options, terminal)
    chosen = selection.by_name(options["names"])
    if terminal.as_json:
        terminal.json([shapes.agent_shape(agent) for agent in chosen.agents])
    elif len(chosen.agents) > FEW:
        _table_of_agents(chosen.agents, terminal)
    else:
        for place, agent in enumerate(chosen.agents):
            if place:
                terminal.say()
            terminal.block(agent.name, agent.status, _facts(agent))
        _say_caveat(terminal)
    return _complain(chosen, terminal)


def show_summary(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Counts over all agents."""
    shape = shapes.summary_shape()
    shape["supervisor_running"] = supervision.is_there()
    if terminal.as_json:
        terminal.json(shape)
        return 0
    terminal.say(counted(shape["total_agents"], "agent"))
    columns = (Column("Status", status=True), Column("Agents", right=True), Column(""))
    rows = [
        [status, str(count), "look at these" if status in NEEDS_A_PERSON else ""]
        for status, count in shape["status_counts"].items()
        if count
    ]
    if rows:
        terminal.table(columns, rows)
    how = "running" if shape["supervisor_running"] else "not running"
    terminal.say(f"Supervisor: {'degraded' if shape['degraded'] else how}")
    if (brake := shape["brake"])["pulled"]:
        terminal.say(f"Fleet brake: pulled by {brake['by']}: {brake['reason']}")
    _say_caveat(terminal)
    return 0


def show_history(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Every change of status of some agents, the newest first."""
    chosen = selection.by_name(options["names"])
    found = {
        agent: list(
            StatusChange.objects.filter(agent=agent)
            .select_related("run")
            .defer("run__setup")[: options["limit"]]
        )
        for agent in chosen.agents
    }
    if terminal.as_json:
        changes = (change for some in found.values() for change in some)
        terminal.json([shapes.status_change_shape(change) for change in changes])
    for agent, some in found.items():
        rows = [_change_row(change) for change in some]
        _table_for(agent, HISTORY_COLUMNS, rows, found, terminal)
    return _complain(chosen, terminal)


def show_runs(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Every run of some agents, the newest first."""
    chosen = selection.by_name(options["names"])
    found = {
        agent: list(
            Run.objects.filter(agent=agent)
            .order_by("-number")
            .defer("setup")[: options["limit"]]
        )
        for agent in chosen.agents
    }
    if terminal.as_json:
        runs = (run for some in found.values() for run in some)
        terminal.json([shapes.run_shape(run) for run in runs])
    for agent, some in found.items():
        rows = [_run_row(run) for run in some]
        _table_for(agent, RUN_COLUMNS, rows, found, terminal)
    return _complain(chosen, terminal)


def _table_for(
    agent: Agent,
    columns: tuple[Column, ...],
    rows: list[list[str]],
    all_of_them: Mapping[Agent, Any],
    terminal: Terminal,
) -> None:
    if terminal.as_json:
        return
    if len(all_of_them) > 1:
        terminal.say(f"{agent.name}:")
    if rows:
        terminal.table(columns, rows)
    else:
        terminal.note(f"{agent.name} has never run.")


def _table_of_agents(agents: Iterable[Agent], terminal: Terminal) -> None:
    terminal.table(AGENT_COLUMNS, [_agent_row(agent) for agent in agents])
    _say_caveat(terminal)


def _say_caveat(terminal: Terminal) -> None:
    if caveat := supervision.caveat():
        terminal.note(caveat)


def _complain(chosen: selection.Chosen, terminal: Terminal) -> int:
    for problem in chosen.unknown.values():
        terminal.note(problem)
    return 1 if chosen.unknown else 0


def _agent_row(agent: Agent) -> list[str]:
    alive = agent.status in ALIVE
    return [
        agent.name,
        agent.status,
        age(agent.status_since),
        str(agent.restart_count),
        number(agent.pid) if alive else NOTHING,
        percent(agent.cpu_percent if alive else None),
        size(agent.rss_bytes if alive else None),
        _why(agent),
    ]


def _why(agent: Agent) -> str:
    """The reason, after what a person should know beside it."""
    beside = [str(one["type"]).replace("_", " ") for one in agent.conditions]
    return "; ".join([*beside, agent.status_reason])


def _change_row(change: StatusChange) -> list[str]:
    return [
        clock(change.at),
        change.from_status,
        change.to_status,
        number(change.run.number if change.run else None),
        change.actor or change.source,
        change.reason,
    ]


def _run_row(run: Run) -> list[str]:
    lasted = NOTHING
    if run.started_at:
        ended = run.exited_at or run.ended_at
        lasted = (
            seconds(round((ended - run.started_at).total_seconds(), 1))
            if ended
            else age(run.started_at)
        )
    return [
        str(run.number),
        clock(run.started_at),
        lasted,
        number(run.exit_code),
        number(run.pid),
        number(run.restart_number or None),
        "adopted" if run.adopted else NOTHING,
        run.reason if run.ended_at else "still running",
    ]


def _facts(agent: Agent) -> list[tuple[str, str]]:
    alive = agent.status in ALIVE
    by = f" by {agent.wanted_by}" if agent.wanted_by else ""
    facts = [
        ("since", f"{clock(agent.status_since)} UTC, {age(agent.status_since)} ago"),
        ("why", agent.status_reason),
        ("known by", agent.status_source),
    ]
    facts += [(one["type"], one["reason"]) for one in agent.conditions]
    if agent.status == Status.BACKOFF:
        facts.append(("next retry", _retry(agent)))
    if agent.generation:
        wanted = f"{agent.desired_state}: {agent.wanted_action} asked{by}"
        open_ = agent.generation > agent.observed_generation
        facts.append(("wanted", wanted + (", not done yet" if open_ else "")))
    if agent.run:
        pid = f", pid {agent.pid}" if alive and agent.pid else ""
        facts.append(("run", f"{agent.run.number}{pid}"))
        if agent.runs_older_setup:
            facts.append(("set-up", "runs an older one; restart it for the new one"))
    if alive and agent.cpu_percent is not None:
        facts.append(("CPU", f"{percent(agent.cpu_percent)} of one core"))
    if alive and agent.rss_bytes is not None:
        processes = counted(agent.processes or 0, "process", "processes")
        facts.append(("memory", f"{size(agent.rss_bytes)} in {processes}"))
    if alive and agent.open_files is not None:
        facts.append(("open files", str(agent.open_files)))
    if alive:
        facts += [
            (f"probe {one['name']}", f"{one['state']}: {one['detail'] or 'no result'}")
            for one in agent.probe_states
        ]
    now, total = agent.restart_count, agent.restarts_total
    facts.append(("restarts", f"{now} since the last start, {total} in all"))
    return facts


def _retry(agent: Agent) -> str:
    if agent.retry_boot_seconds is None:
        return "as soon as a supervisor runs"
    left = Moment(agent.retry_boot, agent.retry_boot_seconds).seconds_until()
    return f"in {seconds(left)}" if left else "now"
