"""Runs: one life of an agent's program each, and what it was started with."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import LatestInline, OfAnAgent
from agents.models import Run
from agents.policy import exits
from agents.services import figures


class RunColumns:
    """How a run is shown, in its own list and on its agent's page."""

    @admin.display(description="run", ordering="number")
    def run_number(self, run: Run) -> SafeString:
        """Its number among the agent's runs."""
        return cells.run_link(run.pk, run.number)

    @admin.display(description="state")
    def state(self, run: Run) -> SafeString:
        """Live, clean or failed."""
        if run.ended_at is None:
            return cells.badge("running", "running", "Live")
        if run.exit_code == 0:
            return cells.badge("stopped", "check", "Ended, 0")
        code = "unknown" if run.exit_code is None else str(run.exit_code)
        return cells.badge("crashed", "crashed", f"Ended, {code}")

    @admin.display(description="began", ordering="created_at")
    def began(self, run: Run) -> SafeString:
        """When it was spawned."""
        return cells.moment(run.started_at or run.created_at)

    @admin.display(description="lasted")
    def lasted(self, run: Run) -> SafeString:
        """From the spawn until its tree was empty."""
        if run.ended_at is None:
            return cells.ago(run.started_at or run.created_at)
        passed = run.ended_at - (run.started_at or run.created_at)
        return cells.cut(figures.seconds(passed.total_seconds()))

    @admin.display(description="pid", ordering="pid")
    def shown_pid(self, run: Run) -> SafeString:
        """The group leader's."""
        return cells.number(run.pid)

    @admin.display(description="why it ended")
    def short_reason(self, run: Run) -> SafeString:
        """The beginning of the reason."""
        return cells.cut(run.reason)


class RunInline(RunColumns, LatestInline):
    """The newest runs on the agent's page."""

    model = Run
    fields = readonly_fields = (
        "run_number",
        "state",
        "began",
        "lasted",
        "shown_pid",
        "restart_number",
        "short_reason",
    )
    verbose_name_plural = "latest runs"


class RunAdmin(RunColumns, OfAnAgent):
    """One life of a program, and what it was started with."""

    list_display = (
        "run_number",
        "of_agent",
        "state",
        "began",
        "lasted",
        "shown_pid",
        "restart_number",
        "adopted",
        "short_reason",
    )
    list_display_links = None
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "adopted", "created_at")
    search_fields = ("agent_name", "reason", "=pid")
    search_help_text = "Search by agent, reason or pid"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "of_agent",
                    "number",
                    "state",
                    "began",
                    "program_ended",
                    "tree_ended",
                    "lasted",
                    "how_it_ended",
                    "reason",
                )
            },
        ),
        (
            "Process",
            {
                "fields": (
                    "shown_pid",
                    "restart_number",
                    "adopted",
                    "stop_rung",
                    "output",
                    "boot",
                )
            },
        ),
        (
            "Set-up",
            {
                "description": "What it was started with. "
                "The agent's own may be newer.",
                "fields": ("revision", "generation", "snapshot"),
            },
        ),
    )

    @admin.display(description="program ended")
    def program_ended(self, run: Run) -> SafeString:
        """The leader's exit."""
        return cells.moment(run.exited_at)

    @admin.display(description="last process ended")
    def tree_ended(self, run: Run) -> SafeString:
        """The end of all that it had started."""
        return cells.moment(run.ended_at)

    @admin.display(description="exit code")
    def how_it_ended(self, run: Run) -> SafeString:
        """The exit code in words."""
        if run.ended_at is None and run.exited_at is None:
            return cells.nothing()
        return cells.cut(exits.describe(run.exit_code), 200)

    @admin.display(description="output")
    def output(self, run: Run) -> SafeString:
        """Where its files are, and a way to them while its agent is there."""
        folder = cells.code(f"runs/{run.folder}")
        if run.agent_id is None:
            return folder
        out, err = (
            reverse("agent-download", args=[run.agent_name, run.number, stream])
            for stream in ("out", "err")
        )
        return format_html(
            '{}<a href="{}">Download output</a> · <a href="{}">errors</a>',
            folder,
            out,
            err,
        )

    @admin.display(description="snapshot")
    def snapshot(self, run: Run) -> SafeString:
        """The set-up it was started with, secret values masked."""
        return cells.code(cells.setup_text(run.setup))
