"""How a provider's last test is shown, and one that is under way."""

from __future__ import annotations

from typing import Any, Final

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.models import Provider
from agents.services import nodes

TEMPLATE: Final = "admin/agents/provider/_check.html"
NO_HUB: Final = (
    "It waits for a hub: no supervisor is running. Start one: manage.py hub, or test "
    "it by: manage.py agents provider {name} --test"
)


def check_badge(provider: Provider) -> SafeString:
    """Whether it answered; a test under way goes before the last one."""
    if provider.check_asked_at is not None:
        if nodes.is_supervised():
            return cells.badge("starting", "starting", "Checking…")
        return cells.badge("backoff", "warning", "Waits for a hub")
    if provider.check_ok is None:
        return format_html('<span class="hub-quiet">{}</span>', "not tested")
    if provider.check_ok:
        return cells.badge("running", "check", "Answers")
    return cells.badge("crashed", "crashed", "Fails")


def fragment_context(provider: Provider) -> tuple[str, dict[str, Any]]:
    """The fragment's template and what stands in it."""
    waiting = provider.check_asked_at is not None
    detail = provider.check_detail
    if waiting:
        detail = "" if nodes.is_supervised() else NO_HUB.format(name=provider.name)
    return TEMPLATE, {
        "badge": check_badge(provider),
        "detail": detail,
        "at": provider.checked_at and not waiting and cells.moment(provider.checked_at),
        "models": provider.known_models,
        "again": reverse("admin:agents_provider_check", args=[provider.pk])
        if waiting
        else "",
    }


def check_fragment(provider: Provider) -> SafeString:
    """The fragment, in a part of the page that says aloud how it changes."""
    fragment = render_to_string(*fragment_context(provider))
    return format_html('<div aria-live="polite">{}</div>', fragment)
