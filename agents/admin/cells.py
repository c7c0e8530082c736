"""What stands in a cell: badges, times, links and figures, as safe HTML.

What may enter: how one value is shown in the admin. Every badge is made here: text,
icon and colour, never colour alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.models import Agent
from agents.models.choices import Outcome, StatusChoice
from agents.policy.redact import masked
from agents.policy.setup import CLUSTER_NAME
from agents.services import figures

OUTCOMES: Final = {
    Outcome.OPEN: ("starting", "starting"),
    Outcome.DONE: ("running", "check"),
    Outcome.FAILED: ("crashed", "crashed"),
    Outcome.SUPERSEDED: ("stopped", "down"),
}
CUT: Final = 60


def badge(tone: str, icon: str, text: str) -> SafeString:
    """One badge: its tone is a status, its icon stands in agents/_icons.html."""
    return format_html(
        '<span class="hub-badge hub-badge--{}">'
        '<svg class="hub-icon" aria-hidden="true"><use href="#i-{}"></use></svg>'
        "{}</span>",
        tone,
        icon,
        text,
    )


def status_badge(status: str) -> SafeString:
    """An agent's status."""
    return badge(status, status, StatusChoice(status).label)


def outcome_badge(outcome: str) -> SafeString:
    """What became of a request."""
    tone, icon = OUTCOMES[Outcome(outcome)]
    return badge(tone, icon, Outcome(outcome).label)


def nothing() -> SafeString:
    """An empty cell: silent for a screen reader that would say "en dash"."""
    return format_html('<span class="hub-quiet">{}</span>', figures.NOTHING)


def moment(at: datetime | None) -> SafeString:
    """A point in time, in UTC."""
    if at is None:
        return nothing()
    stamp = figures.stamp(at)
    return format_html('<time datetime="{}">{}</time>', stamp.iso, stamp.text)


def ago(at: datetime | None) -> SafeString:
    """How long ago, with the point in time on hover."""
    if at is None:
        return nothing()
    stamp = figures.stamp(at)
    passed = figures.seconds(round((timezone.now() - at).total_seconds()))
    return format_html(
        '<time class="hub-nowrap" datetime="{}" title="{}">{}</time>',
        stamp.iso,
        stamp.text,
        passed,
    )


def cut(text: str, length: int = CUT) -> SafeString:
    """The beginning of a text, all of it on hover."""
    if not text:
        return nothing()
    if len(text) <= length:
        return format_html("{}", text)
    return format_html('<span title="{}">{}…</span>', text, text[: length - 1].rstrip())


def tags(texts: Iterable[str]) -> SafeString:
    """Small texts side by side."""
    joined = format_html_join(
        " ", '<span class="hub-tag">{}</span>', ((text,) for text in texts)
    )
    return joined or nothing()


def number(value: int | None) -> SafeString:
    """A number such as a pid: digits without separators, easy to copy."""
    if value is None:
        return nothing()
    return format_html('<span class="hub-number">{}</span>', value)


def agent_link(agent_id: int | None, name: str) -> SafeString:
    """The agent's page in the admin; only its name once it is deleted."""
    if agent_id is None:
        return format_html('{} <span class="hub-quiet">(deleted)</span>', name)
    if name == CLUSTER_NAME:  # Nobody sets it up.
        address = reverse("agent", args=[name])
    else:
        address = reverse("admin:agents_agent_change", args=[agent_id])
    return format_html('<a href="{}">{}</a>', address, name)


def run_link(run_id: object, run_number: int) -> SafeString:
    """A run's page in the admin."""
    address = reverse("admin:agents_run_change", args=[run_id])
    return format_html('<a href="{}">run {}</a>', address, run_number)


def labels(agent: Agent) -> list[str]:
    """An agent's labels as `key=value`."""
    return [f"{key}={value}" for key, value in sorted(agent.labels.items())]


def code(text: str) -> SafeString:
    """Text to be read and copied letter by letter."""
    return format_html('<pre class="hub-code">{}</pre>', text) if text else nothing()


def setup_text(setup: dict[str, Any]) -> str:
    """A set-up as JSON for people, secret values masked."""
    shown = dict(setup)
    if isinstance(shown.get("env"), dict):
        shown["env"] = masked(shown["env"])
    return json.dumps(shown, indent=2, ensure_ascii=False)


def figure(text: str) -> SafeString:
    """A measured figure, digits under digits."""
    return format_html('<span class="hub-figure">{}</span>', text)
