"""The Django apps: AgentHub's own, and the admin with AgentHub's site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AgentsConfig(AppConfig):
    """AgentHub itself."""

    name = "agents"
    verbose_name = "Agents"


class AgentsAdminConfig(AdminConfig):
    """The stock admin app with AgentHub's own AdminSite."""

    default_site = "agents.admin.site.HubAdminSite"
