"""The addresses of the pages."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, path

from agents.pages import actions, agent, lists, usage

urlpatterns: list[URLPattern] = [
    path("", lists.overview, name="overview"),
    path(
        "sign-in/",
        LoginView.as_view(redirect_authenticated_user=True),
        name="sign-in",
    ),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("usage/", usage.usage, name="usage"),
    path("agents/", lists.agents, name="agents"),
    path("agents/batch", actions.batch, name="agents-batch"),
    path("agents/<str:name>/", agent.agent, name="agent"),
    path("agents/<str:name>/search/", agent.search_output, name="agent-search"),
    path(
        "agents/<str:name>/output/<int:number>/<str:stream>",
        agent.download,
        name="agent-download",
    ),
    path("agents/<str:name>/<str:action>", actions.act, name="agent-action"),
]
