"""The fleet brake, pulled and released by people: each is one call for all agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents.models import Brake
from agents.policy.clock import Moment
from agents.services import audit, brake, brake_effects, brake_news
from agents.services.lifecycle import Asker

NO_REASON: Final = "Say why: everybody who looks at a page will ask."


class CannotBrake(ValueError):
    """Nothing was done; the message says what to change, `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotPulled(ValueError):
    """There is no brake to release."""


@dataclass(frozen=True, slots=True)
class Pull:
    """How hard. `stop`: agents are stopped, else left; `finish`: work that has begun
    may end by itself, else it is interrupted. With both, who works is stopped then."""

    stop: bool = False
    finish: bool = False


def pull(how: Pull, asker: Asker, user_id: int | None = None) -> tuple[Brake, bool]:
    """Pull it; the brake, and whether that is new: pulled twice, the first counts.

    `user_id`: whose line in the audit log it is. Raises CannotBrake.
    """
    if not asker.reason.strip():
        raise CannotBrake(NO_REASON, "reason")
    made = Moment.now()
    with transaction.atomic():
        if (earlier := brake.pulled()) is not None:
            return earlier, False
        try:
            with transaction.atomic():
                found = _row(how, asker, made)
        except IntegrityError:  # Somebody else, in this very moment.
            return Brake.objects.get(pulled=True), False
        affected = brake_effects.affected()
        if how.stop:
            found.awaited = brake_effects.at_work() if how.finish else []
            idle = [agent for agent in affected if agent.pk not in found.awaited]
            found.stopped = brake_effects.stop(idle, found, asker, made)
        if not how.finish:
            found.interrupted = brake_effects.interrupt()
        found.save(update_fields=["stopped", "interrupted", "awaited"])
        brake_news.note(
            affected, f"{brake.words(found)}; {brake_news.what(found)}", asker
        )
        audit.noted(user_id, [found], f"Pulled by {asker.via}: {asker.reason}")
        brake_news.tell(affected)
    return found, True


def release(asker: Asker, *, go_on: bool, user_id: int | None = None) -> Brake:
    """Let work begin again. `go_on`: start the agents that it stopped and nobody has
    asked anything since, and let the work go on that it interrupted.

    Raises CannotBrake, and NotPulled.
    """
    if not asker.reason.strip():
        raise CannotBrake("Say why it may go on.", "reason")
    with transaction.atomic():
        found = Brake.objects.select_for_update().filter(pulled=True).first()
        if found is None:
            raise NotPulled("The fleet brake is not pulled.")
        found.pulled, found.released_at = False, timezone.now()
        found.released_by, found.release_reason = asker.actor, asker.reason
        found.went_on, found.awaited = go_on, []
        found.save()
        if go_on:
            brake_effects.start_again(found, asker)
            brake_effects.go_on(found, asker)
        affected = brake_effects.affected()
        text = f"the fleet brake was released by {asker.actor}: {asker.reason}"
        brake_news.note(affected, text, asker)
        audit.noted(user_id, [found], f"Released by {asker.via}: {asker.reason}")
        brake_effects.wake_those_with_work()
        brake_news.tell(affected)
    return found


def _row(how: Pull, asker: Asker, made: Moment) -> Brake:
    return Brake.objects.create(
        pulled_by=asker.actor,
        via=asker.via,
        reason=asker.reason,
        made_boot=made.boot,
        made_boot_seconds=made.at,
        stops=how.stop,
        interrupts=not how.finish,
    )
