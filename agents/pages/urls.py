"""The addresses of the pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from agents.pages import (
    actions,
    agent,
    asking,
    barriers,
    batches,
    brake,
    lists,
    locks,
    registry,
    tasks,
    tokens,
    usage,
)
from agents.pages.signing_in import SignIn

urlpatterns: list[URLPattern] = [
    path("", lists.overview, name="overview"),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("batches/", batches.listing, name="batches"),
    path("batches/new/", batches.new, name="batch-new"),
    path("batches/make", batches.make, name="batch-make"),
    path("batches/<int:number>/", batches.one, name="batch"),
    path("batches/<int:number>/cancel", batches.cancel, name="batch-cancel"),
    path("barriers/", barriers.barriers, name="barriers"),
    path("barriers/make", barriers.make, name="barrier-make"),
    path("barriers/<str:name>/reset", barriers.reset, name="barrier-reset"),
    path("barriers/<str:name>/delete", barriers.delete, name="barrier-delete"),
    path("locks/", locks.locks, name="locks"),
    path("locks/<int:number>/steal", locks.steal, name="lock-steal"),
    path("locks/<int:number>/release", locks.release, name="lock-release"),
    path("brake/", brake.brake, name="brake"),
    path("brake/pull", brake.pull, name="brake-pull"),
    path("brake/release", brake.release, name="brake-release"),
    path("usage/", usage.usage, name="usage"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:number>/revoke", tokens.revoke, name="token-revoke"),
    path("agents/", lists.agents, name="agents"),
    path("agents/batch", actions.batch, name="agents-batch"),
    path("agents/<str:name>/", agent.agent, name="agent"),
    path("agents/<str:name>/ask", asking.ask, name="agent-ask"),
    path("agents/<str:name>/search/", agent.search_output, name="agent-search"),
    path(
        "agents/<str:name>/output/<int:number>/<str:stream>",
        agent.download,
        name="agent-download",
    ),
    path("registry/", registry.registry, name="registry"),
    path("agents/<str:name>/deregister", registry.deregister, name="agent-deregister"),
    path("agents/<str:name>/<str:action>", actions.act, name="agent-action"),
    path("tasks/", tasks.tasks, name="tasks"),
    path("tasks/<int:number>/", tasks.task, name="task"),
    path("tasks/<int:number>/steps/<int:step>", tasks.step, name="task-step"),
    path("tasks/<int:number>/cancel", asking.cancel, name="task-cancel"),
    path("tasks/<int:number>/go-on", asking.go_on, name="task-go-on"),
    path("tasks/<int:number>/answer", asking.answer, name="task-answer"),
]
