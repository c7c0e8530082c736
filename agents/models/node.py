"""A machine with a supervisor, and when it was last heard of."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Node(models.Model):
    """`epoch` rises with each supervisor that takes the node; `lease` is its end.

    On the machine of `boot_id` its end is `lease_boot_seconds`, which no clock moves.
    """

    name = models.CharField(max_length=63, unique=True)
    boot_id = models.CharField(max_length=36, blank=True)
    epoch = models.PositiveBigIntegerField(default=0)
    pid = models.PositiveIntegerField(null=True)
    lease = models.DateTimeField(null=True)
    lease_boot_seconds = models.FloatField(null=True)
    last_seen = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
