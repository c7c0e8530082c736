"""What is seen of an agent, as columns of the list and rows of its page."""

from __future__ import annotations

import shlex
from typing import Final

from django.contrib import admin
from django.db.models import Case, Value, When
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.admin import cells, notation
from agents.models import Agent
from agents.policy import redact
from agents.policy.states import ALIVE, Status
from agents.services import figures, overview

URGENCY: Final = Case(
    *(When(status=s.value, then=Value(at)) for at, s in enumerate(overview.BY_URGENCY))
)


class AgentColumns:
    """The columns of the list."""

    @admin.display(description="status", ordering=URGENCY)
    def shown_status(self, agent: Agent) -> SafeString:
        """The status, and what is not yet as somebody wants it."""
        notes = []
        if wish := overview.open_wish(agent):
            notes.append(wish)
        if agent.runs_older_setup:
            notes.append("older set-up")
        notes += [one.type for one in overview.conditions(agent.conditions)]
        return format_html(
            "{}{}",
            cells.status_badge(agent.status),
            format_html_join(
                "", ' <span class="hub-note">{}</span>', ((note,) for note in notes)
            ),
        )

    @admin.display(description="since", ordering="status_since")
    def since(self, agent: Agent) -> SafeString:
        """How long it has been so."""
        return cells.ago(agent.status_since)

    @admin.display(description="reason", ordering="status_reason")
    def short_reason(self, agent: Agent) -> SafeString:
        """The beginning of the reason."""
        return cells.cut(agent.status_reason)

    @admin.display(description="restarts", ordering="restarts_total")
    def restarts(self, agent: Agent) -> SafeString:
        """Automatic ones since the last start, and in all."""
        return format_html(
            '<span class="hub-nowrap" title="{} since the last start, {} in all">'
            "{} / {}</span>",
            agent.restart_count,
            agent.restarts_total,
            agent.restart_count,
            agent.restarts_total,
        )

    @admin.display(description="pid", ordering="pid")
    def shown_pid(self, agent: Agent) -> SafeString:
        """The group leader's."""
        return cells.number(agent.pid)

    @admin.display(description="labels")
    def shown_labels(self, agent: Agent) -> SafeString:
        """Each as `key=value`."""
        return cells.tags(cells.labels(agent))

    @admin.display(description="CPU", ordering="cpu_percent")
    def cpu(self, agent: Agent) -> SafeString:
        """Of its whole tree, in per cent of one core."""
        return cells.figure(figures.percent(agent.cpu_percent))

    @admin.display(description="memory", ordering="rss_bytes")
    def memory(self, agent: Agent) -> SafeString:
        """Resident, of its whole tree."""
        return cells.figure(figures.size(agent.rss_bytes))


class AgentRows:
    """The rows on top of the agent's page, and a set-up that may only be read."""

    @admin.display(description="since")
    def since_when(self, agent: Agent) -> SafeString:
        """How long ago, and the time in UTC."""
        return format_html(
            '{} <span class="hub-quiet">({} ago)</span>',
            cells.moment(agent.status_since),
            cells.ago(agent.status_since),
        )

    @admin.display(description="why")
    def why(self, agent: Agent) -> str:
        """The whole reason."""
        return agent.status_reason

    @admin.display(description="how known")
    def how_known(self, agent: Agent) -> str:
        """Who saw it."""
        return agent.status_source

    @admin.display(description="wanted")
    def wanted(self, agent: Agent) -> SafeString:
        """What the last request wants, and whether it is settled."""
        by = f" by {agent.wanted_by}" if agent.wanted_by else ""
        if not agent.generation:
            said = "nothing was asked yet"
        elif agent.generation == agent.observed_generation:
            said = f"{agent.wanted_action} asked{by}, settled"
        else:
            said = f"{agent.wanted_action} asked{by}, not settled yet"
        return format_html(
            '{} <span class="hub-quiet">({})</span>',
            agent.get_desired_state_display(),
            said,
        )

    @admin.display(description="processes")
    def tree(self, agent: Agent) -> SafeString:
        """Pid, run and what the tree uses."""
        if agent.pid is None or Status(agent.status) not in ALIVE:
            return cells.nothing()
        parts = [
            format_html("pid {}", cells.number(agent.pid)),
            figures.counted(agent.processes or 1, "process", "processes"),
            f"CPU {figures.percent(agent.cpu_percent)}",
            f"memory {figures.size(agent.rss_bytes)}",
        ]
        return format_html_join(" · ", "{}", ((part,) for part in parts))

    @admin.display(description="run")
    def latest_run(self, agent: Agent) -> SafeString:
        """The live run, else the latest one."""
        if agent.run is None:
            return cells.nothing()
        note = ""
        if agent.runs_older_setup:
            note = (
                f"runs revision {agent.run_revision}, the set-up is at revision "
                f"{agent.revision}; Restart makes it run the new one"
            )
        return format_html(
            '{} <span class="hub-quiet">{}</span>',
            cells.run_link(agent.run.pk, agent.run.number),
            note,
        )

    @admin.display(description="restarts")
    def restarts_in_words(self, agent: Agent) -> str:
        """Counted, and when the next one is."""
        limit = "no limit" if agent.max_restarts is None else agent.max_restarts
        text = (
            f"{agent.restart_count} since the last start (limit: {limit}), "
            f"{agent.restarts_total} in all"
        )
        if agent.retry_at and agent.status == Status.BACKOFF:
            text += f"; the next at {figures.stamp(agent.retry_at).text}"
        return text

    @admin.display(description="conditions")
    def shown_conditions(self, agent: Agent) -> SafeString:
        """What a person should know beside the status."""
        found = overview.conditions(agent.conditions)
        if not found:
            return format_html('<span class="hub-quiet">{}</span>', "none")
        return format_html(
            '<ul class="hub-conditions">{}</ul>',
            format_html_join(
                "",
                "<li><strong>{}</strong> {} <small>{}</small></li>",
                (
                    (one.type, one.reason, one.since.text if one.since else "")
                    for one in found
                ),
            ),
        )

    @admin.display(description="created")
    def made(self, agent: Agent) -> SafeString:
        """When it was added."""
        return cells.moment(agent.created_at)

    @admin.display(description="command")
    def read_command(self, agent: Agent) -> SafeString:
        """As a line that a shell would take."""
        return cells.code(shlex.join(agent.command))

    @admin.display(description="environment")
    def read_env(self, agent: Agent) -> SafeString:
        """With secret values masked."""
        return cells.code(notation.pairs_text(redact.masked(agent.env)))

    @admin.display(description="working directory")
    def read_cwd(self, agent: Agent) -> SafeString:
        """Empty: its own."""
        return cells.code(agent.cwd or "(a directory of its own)")

    @admin.display(description="labels")
    def read_labels(self, agent: Agent) -> SafeString:
        """Each as `key=value`."""
        return cells.tags(cells.labels(agent))

    @admin.display(description="depends on")
    def read_depends_on(self, agent: Agent) -> SafeString:
        """Each on a line, with its condition."""
        return cells.code(notation.dependencies_text(agent.depends_on))

    @admin.display(description="capabilities")
    def read_capabilities(self, agent: Agent) -> SafeString:
        """Side by side."""
        return cells.tags(agent.capabilities)

    @admin.display(description="probes")
    def read_probes(self, agent: Agent) -> SafeString:
        """As they are written."""
        return cells.code(notation.records_text(agent.probes) or "none")

    @admin.display(description="budget")
    def read_budget(self, agent: Agent) -> SafeString:
        """Each period on a line."""
        return cells.code(notation.budget_text(agent.budget))
