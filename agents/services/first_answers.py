"""The first answer to a request with an idempotency key, kept for a day.

A row is made in the transaction that acts, before there is an answer: whoever repeats
a request that was cut short goes on under the same name. Blocking.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from agents.models import FirstAnswer

KEEP: Final = timedelta(hours=24)
# The status of what has not been answered yet.
OPEN: Final = 0
_OWN: Final = "api-"


class OtherQuestion(ValueError):
    """The key came before, with another request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: bytes, and the headers that belong to them."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A key in use. `name`: what services know the request by, never used again.

    `answer`: the first one, if there is one.
    """

    pk: int
    answer: Answer | None

    @property
    def name(self) -> str:
        """The same for each repeat, until the row is pruned."""
        return f"{_OWN}{self.pk}"


def is_own(key: str) -> bool:
    """Whether a key is a name that only this room gives."""
    return key.startswith(_OWN) and key.removeprefix(_OWN).isdecimal()


def claim(asker: str, key: str, question: str) -> Claim:
    """Begin, or find what came of it; raises OtherQuestion. Call it in the transaction
    that acts: another who brings the same key waits for the end of that."""
    with transaction.atomic():
        old = timezone.now() - KEEP
        FirstAnswer.objects.filter(asker=asker, key=key, at__lt=old).delete()
        row, _ = FirstAnswer.objects.get_or_create(
            asker=asker,
            key=key,
            defaults={
                "question": question,
                "status": OPEN,
                "content_type": "",
                "body": b"",
            },
        )
    if row.question != question:
        raise OtherQuestion(
            f"The idempotency key {key!r} was used for another request. "
            "Choose a new key for each request; repeat one with all that it had."
        )
    return Claim(row.pk, _answer(row))


def keep(pk: int, answer: Answer) -> Answer:
    """Keep an answer if it is the first; the one that is kept."""
    FirstAnswer.objects.filter(pk=pk, status=OPEN).update(
        status=answer.status,
        content_type=answer.content_type,
        headers=answer.headers,
        body=answer.body,
    )
    row = FirstAnswer.objects.filter(pk=pk).first()
    return (_answer(row) if row else None) or answer


def prune(most: int = 1000) -> int:
    """Delete what is older than a day, so many at once; how many it were."""
    old = FirstAnswer.objects.filter(at__lt=timezone.now() - KEEP)
    ids = list(old.order_by("at").values_list("pk", flat=True)[:most])
    return FirstAnswer.objects.filter(pk__in=ids).delete()[0]


def _answer(row: FirstAnswer) -> Answer | None:
    if row.status == OPEN:
        return None
    return Answer(row.status, row.content_type, bytes(row.body), dict(row.headers))
