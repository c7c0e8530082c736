"""The first answer to a request that carried an idempotency key."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class FirstAnswer(models.Model):
    """What a repeat within a day is given. `asker`: whose key it is, such as `user 3`.

    `question`: SHA-256 of method, address and body, as hexadecimal digits; a key that
    comes again with another one is refused. `status`: 0 until there is an answer.
    """

    asker = models.CharField(max_length=60)
    key = models.CharField(max_length=100)
    question = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=100)
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["asker", "key"], name="first_answer_key_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.asker}"
