"""Tests of providers: asked for at a door, made by a hub, and written down here."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.utils import timezone

from agents.models import Provider
from agents.services import providers
from agents.services.providers import Unusable

logger = logging.getLogger(__name__)

MOST_MODELS: Final = 2_000
LONGEST_MODEL: Final = 200


@dataclass(frozen=True, slots=True)
class AskedCheck:
    """A provider that somebody wants tested, and since when."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a test, in words, and the models that the provider names."""

    ok: bool
    detail: str
    models: tuple[str, ...] = ()


def ask(name: str, actor: str) -> bool:
    """Ask for a test; False if one is asked for already. Raises Unusable.

    A supervisor of a hub looks for the wish by itself, within a second or so.
    """
    rows = Provider.objects.filter(name=name)
    if rows.filter(check_asked_at=None).update(check_asked_at=timezone.now()):
        logger.info("%s has asked for a test of the provider %s", actor, name)
        return True
    if not rows.exists():
        raise Unusable(providers.unknown(name))
    return False


def asked() -> list[AskedCheck]:
    """The tests that are waited for, the oldest wish first."""
    waiting = Provider.objects.exclude(check_asked_at=None).order_by("check_asked_at")
    found = waiting.values_list("name", "check_asked_at")
    return [AskedCheck(name, at) for name, at in found if at is not None]


def save(name: str, checked: Checked, asked_at: datetime | None) -> bool:
    """Write down what came of a test; `asked_at` None: nobody had asked for it.

    Nothing is written where the provider has been changed, or asked for anew, since.
    """
    rows = Provider.objects.filter(name=name)
    if asked_at is not None:
        rows = rows.filter(check_asked_at=asked_at)
    done: dict[str, Any] = {
        "check_asked_at": None,
        "checked_at": timezone.now(),
        "check_ok": checked.ok,
        "check_detail": checked.detail,
    }
    if checked.ok:
        usable = (one for one in checked.models if _is_model(one))
        done["known_models"] = list(islice(usable, MOST_MODELS))
    return bool(rows.update(**done))


def _is_model(name: str) -> bool:
    """Whether it can stand in a set-up: a server may call a model anything."""
    return 0 < len(name) <= LONGEST_MODEL and name.isprintable()
