"""Providers as the engine takes them: the row, and what the environment adds to it.

Whoever writes a row enters here, so that a key is sealed before it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from agents.models import Agent, Provider
from agents.policy.endpoint import BASE_URLS, KEYED
from agents.services import changes, keys


class Unusable(ValueError):
    """The provider cannot be asked; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Access:
    """All that is needed to ask a provider. The key shows itself in no repr."""

    name: str
    kind: str
    base_url: str
    model: str
    max_concurrent: int | None
    key: str = field(repr=False)


class StillUsed(Exception):
    """Agents ask this provider; the message names them."""


def access(name: str) -> Access:
    """How to ask the provider of this name; raises Unusable."""
    row = Provider.objects.filter(name=name).first()
    if row is None:
        known = ", ".join(Provider.objects.values_list("name", flat=True)) or "none"
        raise Unusable(f"There is no provider {name!r}. There is: {known}.")
    try:
        key = keys.opened(row.sealed_key) or from_environment(row.kind)
    except keys.Unreadable as error:
        raise Unusable(f"{name}: {error}") from None
    if row.kind in KEYED and not key:
        variable = f"{row.kind.upper()}_API_KEY"
        raise Unusable(
            f"{name} has no key. Set it in the admin or by `manage.py agents "
            f"provider {name} --key-from FILE`, or start the hub with {variable}."
        )
    url = row.base_url or _environments_url(row.kind)
    return Access(row.name, row.kind, url, row.default_model, row.max_concurrent, key)


def from_environment(kind: str) -> str:
    """The key that the hub was started with for this kind; empty without one."""
    return str(settings.AGENTHUB_PROVIDER_KEYS.get(kind, "")).strip()


def _environments_url(kind: str) -> str:
    """OLLAMA_HOST is often no more than a host, or what a server listens on."""
    url = str(settings.AGENTHUB_PROVIDER_URLS.get(kind, "")).strip().rstrip("/")
    if kind == "ollama" and url:
        url = url if "://" in url else f"http://{url}"
        url = url.replace("://0.0.0.0", "://127.0.0.1")
        if url.count(":") < 2:
            url += ":11434"
    return url or BASE_URLS.get(kind, "")


def save(provider: Provider, key: str | None = None) -> None:
    """Validate and store a row. `key`: the new one, "" for none, None as it was.

    Raises django's ValidationError with a message for each field.
    """
    if key is not None:
        _check(key)
        provider.sealed_key = keys.sealed(key.strip())
    provider.full_clean()
    with transaction.atomic():
        provider.save()
        users = Agent.objects.filter(provider=provider.name)
        changes.append(changes.SETUP, users.values_list("pk", flat=True))


def delete(provider: Provider) -> None:
    """Delete a provider that no agent asks; raises StillUsed."""
    with transaction.atomic():
        users = list(
            Agent.objects.filter(provider=provider.name)
            .order_by("name")
            .values_list("name", flat=True)[:4]
        )
        if users:
            raise StillUsed(
                f"{provider.name} is asked by {', '.join(users)}. "
                "Give them another provider first."
            )
        provider.delete()


def _check(key: str) -> None:
    if not all("!" <= letter <= "~" for letter in key.strip()):
        raise ValidationError(
            {
                "key": "The key has characters that no key has (a space, a line break "
                "or a letter outside ASCII): copy it again."
            }
        )
