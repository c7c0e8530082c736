"""Failed attempts to get in: how many a name or an address has left."""

from __future__ import annotations

from django.db import models


class Failures(models.Model):
    """A bucket of attempts that fills again with time. `who`: such as `sign-in sam`.

    `left`: how many were left at `at`; a fraction, because it fills steadily.
    """

    who = models.CharField(max_length=200, unique=True)
    left = models.FloatField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.who
