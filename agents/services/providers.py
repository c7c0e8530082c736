"""Providers as the engine takes them: the row, and what the environment adds to it.

Whoever writes a row enters here, so that a key is sealed before it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from agents.models import Agent, Provider
from agents.policy import endpoint
from agents.policy.hints import did_you_mean
from agents.services import changes, keys
from agents.services.inserting import insert

WRITTEN: Final = ("base_url", "default_model", "max_concurrent")
# What was found out at one address, with one key, says nothing of another.
UNCHECKED: Final[Mapping[str, Any]] = {
    "check_asked_at": None,
    "checked_at": None,
    "check_ok": None,
    "check_detail": "",
    "known_models": [],
}
MOST_NAMED: Final = 4


class Unusable(ValueError):
    """The provider cannot be asked; the message says what to change."""


class StillUsed(Exception):
    """Agents ask this provider; the message names them."""


@dataclass(frozen=True, slots=True)
class Access:
    """All that is needed to ask a provider. The key shows itself in no repr.

    `variable`: that of the hub's environment which the key is from, if it is.
    """

    name: str
    kind: str
    base_url: str
    model: str
    max_concurrent: int | None
    key: str = field(repr=False)
    variable: str = ""


def access(name: str) -> Access:
    """How to ask the provider of this name; raises Unusable."""
    row = Provider.objects.filter(name=name).first()
    if row is None:
        raise Unusable(unknown(name))
    variable = ""
    try:
        key = keys.opened(row.sealed_key)
    except keys.Unreadable as error:
        raise Unusable(f"{name}: {error}") from None
    if not key and (key := from_environment(row.kind)):
        variable = endpoint.KEY_VARIABLES[row.kind]
        if problem := endpoint.key_problem(row.kind, key):
            raise Unusable(f"{name} cannot use {variable}. {problem}")
    if row.kind in endpoint.KEYED and not key:
        raise Unusable(
            f"{name} has no key. Set it in the admin or by `manage.py agents "
            f"provider {name} --key-from FILE`, or start the hub with "
            f"{endpoint.KEY_VARIABLES[row.kind]}."
        )
    url = row.base_url or _environments_url(row)
    model, most = row.default_model, row.max_concurrent
    return Access(row.name, row.kind, url, model, most, key, variable)


def names() -> list[str]:
    """Of all providers, sorted."""
    return list(Provider.objects.order_by("name").values_list("name", flat=True))


def unknown(name: str) -> str:
    """That there is no such provider, and which there are."""
    known = names()
    there = f"There is: {', '.join(known)}." if known else "There is none yet."
    hint = did_you_mean(name, known)
    return f"There is no provider {name!r}. {there} {hint}".rstrip()


def from_environment(kind: str) -> str:
    """The key that the hub was started with for this kind; empty without one."""
    return str(settings.AGENTHUB_PROVIDER_KEYS.get(kind, "")).strip()


def key_is_from(provider: Provider) -> str:
    """Where its key is from: "row", the environment's variable, or nowhere ("")."""
    if provider.sealed_key:
        return "row"
    kind = provider.kind
    return endpoint.KEY_VARIABLES[kind] if from_environment(kind) else ""


def has_readable_key(provider: Provider) -> bool:
    """False once the hub's secret key is not the one its key was sealed with."""
    try:
        return bool(keys.opened(provider.sealed_key))
    except keys.Unreadable:
        return False


def address_is_from(provider: Provider) -> str:
    """Likewise its address; nowhere is the vendor's own, where it has one."""
    if provider.base_url:
        return "row"
    kind = provider.kind
    given = str(settings.AGENTHUB_PROVIDER_URLS.get(kind, "")).strip()
    return endpoint.URL_VARIABLES[kind] if given else ""


def _environments_url(row: Provider) -> str:
    """The environment's address for this kind, else the vendor's; raises Unusable."""
    url = str(settings.AGENTHUB_PROVIDER_URLS.get(row.kind, "")).strip().rstrip("/")
    if not url:
        return endpoint.BASE_URLS.get(row.kind, "")
    try:
        url = endpoint.ollama_url(url) if row.kind == "ollama" else url
        problem = endpoint.url_problem(row.kind, url)
    except ValueError:
        problem = "It cannot be read: check host and port."
    if problem:
        variable = endpoint.URL_VARIABLES[row.kind]
        raise Unusable(f"{row.name} cannot use {variable}. {problem}")
    return url


def save(provider: Provider, key: str | None = None) -> None:
    """Validate and store a row. `key`: the new one, "" for none, None as it was.

    Raises django's ValidationError with a message for each field.
    """
    provider.base_url = provider.base_url.strip()
    provider.full_clean()
    written: list[str] = [*WRITTEN]
    if key is not None:
        key = key.strip()
        if key and (problem := endpoint.key_problem(provider.kind, key)):
            raise ValidationError({"key": problem})
        provider.sealed_key = keys.sealed(key)
        written.append("sealed_key")
    with transaction.atomic():
        if provider._state.adding:
            insert(provider)
            return
        stored = Provider.objects.select_for_update().get(pk=provider.pk)
        _check_identity(provider, stored)
        if key is not None or provider.base_url != stored.base_url:
            for name, value in UNCHECKED.items():
                setattr(provider, name, value)
            written += UNCHECKED
        provider.save(update_fields=written)
        users = Agent.objects.filter(provider=provider.name)
        changes.append(changes.SETUP, users.values_list("pk", flat=True))


def _check_identity(provider: Provider, stored: Provider) -> None:
    """Agents know it by its name; and a key is of use to one kind alone."""
    problems = {
        field: f"A provider's {field} never changes. Make a new provider instead."
        for field in ("name", "kind")
        if getattr(provider, field) != getattr(stored, field)
    }
    if problems:
        raise ValidationError(problems)


def users_of(provider: Provider) -> list[str]:
    """The names of the agents that ask it, sorted."""
    users = Agent.objects.filter(provider=provider.name).order_by("name")
    return list(users.values_list("name", flat=True))


def delete(provider: Provider) -> None:
    """Delete a provider that no agent asks; raises StillUsed."""
    with transaction.atomic():
        list(Provider.objects.select_for_update().filter(pk=provider.pk))
        if users := users_of(provider):
            more = len(users) - MOST_NAMED
            others = f" and {more} more" if more > 0 else ""
            raise StillUsed(
                f"{provider.name} is asked by {', '.join(users[:MOST_NAMED])}{others}. "
                "Give them another provider first."
            )
        provider.delete()
