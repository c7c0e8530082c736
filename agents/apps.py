"""The Django apps: AgentHub's own, and the admin with AgentHub's site."""

from __future__ import annotations

import gc

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AgentsConfig(AppConfig):
    """AgentHub itself."""

    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        # Django is there for good: a collector that walks through all of it takes 40 ms
        # in the midst of a request for many agents.
        gc.freeze()


class AgentsAdminConfig(AdminConfig):
    """The stock admin app with AgentHub's own AdminSite."""

    default_site = "agents.admin.site.HubAdminSite"
