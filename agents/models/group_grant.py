"""Which permissions the hub has given to the groups that it made."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class GroupGrant(models.Model):
    """Given once: what an administrator has taken from a group since stays taken.

    `group`: by its name, so that one which somebody deleted is not made again.
    `permission`: as in `agents.view_run`.
    """

    group = models.CharField(max_length=150)
    permission = models.CharField(max_length=150)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["group", "permission"], name="group_grant_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.permission} to {self.group}"
