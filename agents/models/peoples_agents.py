"""Where lists, counts, files and `--all` begin: the agents that people know of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from agents.models.choices import Kind

if TYPE_CHECKING:
    from agents.models.agent import Agent


class PeoplesAgents(models.Manager["Agent"]):
    """All agents without what is a part of the hub itself."""

    def get_queryset(self) -> models.QuerySet[Agent]:
        """Those of people, however they were started."""
        return super().get_queryset().filter(internal=False)

    def startable(self) -> models.QuerySet[Agent]:
        """Of these, those that the hub itself starts and stops."""
        return self.get_queryset().exclude(kind=Kind.EXTERNAL)
