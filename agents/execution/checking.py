"""Tests of providers: what somebody asked for is looked at, and told in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from agents.llm import check
from agents.llm.check import Finding
from agents.llm.endpoint import Endpoint, Kind
from agents.llm.secret import Secret
from agents.policy.provider_retry import WORDS, ErrorKind
from agents.services import provider_checks, providers
from agents.services.provider_checks import AskedCheck, Checked
from agents.services.providers import Access, Unusable

# Runs a blocking function where the database may be used.
Call = Callable[..., Awaitable[Any]]

CHECK_EVERY: Final = 1.0
ADVICE: Final = {
    ErrorKind.AUTH: "Set another key.",
    ErrorKind.PERMISSION: "Give the key the right to list models, or set another.",
    ErrorKind.QUOTA: "Top up the account at the provider.",
    ErrorKind.NOT_FOUND: "Is the base URL right, path included?",
    ErrorKind.RATE_LIMIT: "It is there; try again later.",
    ErrorKind.OVERLOADED: "It is there; try again later.",
}


async def keep_checking(call: Call, only: Collection[int] | None) -> None:
    """Test what is asked for, until cancelled; who supervises `only` some agents in
    passing has no time for it."""
    while only is None:
        await check_asked_providers(call)
        await asyncio.sleep(CHECK_EVERY)


async def check_asked_providers(call: Call) -> int:
    """Test all providers that somebody wants tested, side by side; how many."""
    asked: list[AskedCheck] = await call(provider_checks.asked)
    await asyncio.gather(*(_check(one, call) for one in asked))
    return len(asked)


async def _check(asked: AskedCheck, call: Call) -> None:
    checked = await checked_now(asked.name, call)
    await call(provider_checks.save, asked.name, checked, asked.at)


async def checked_now(name: str, call: Call) -> Checked:
    """Test one provider; whatever is wrong is said in the answer."""
    try:
        access: Access = await call(providers.access, name)
        endpoint = Endpoint(Kind(access.kind), access.base_url, Secret(access.key))
    except (Unusable, ValueError) as error:
        return Checked(False, str(error))
    found = await check.look(endpoint)
    if found.failure is not None:
        return Checked(False, _complaint(access, found))
    return Checked(True, _praise(access, endpoint, found), found.models)


def _complaint(access: Access, found: Finding) -> str:
    failure = found.failure
    assert failure is not None
    said = str(failure)
    if failure.kind is ErrorKind.AUTH and not access.key:
        said = said.replace(WORDS[ErrorKind.AUTH], "it wants a key, and none is set", 1)
    elif failure.kind is ErrorKind.AUTH and access.variable:
        said += f"; the key is the one in {access.variable}"
    said = said[0].upper() + said[1:]
    advice = ADVICE.get(failure.kind, "")
    return f"{said.rstrip('.')}. {advice}".rstrip()


def _praise(access: Access, endpoint: Endpoint, found: Finding) -> str:
    if endpoint.kind is Kind.DEMO:
        return "The demo is always there: it asks nobody."
    if not found.lists:
        return f"{endpoint.base_url} answers, and lists no models."
    count = len(found.models)
    models = {0: "no model", 1: "1 model"}.get(count, f"{count} models")
    said = f"{endpoint.base_url} answers, and names {models}."
    # Ollama has a tag for what is named without one.
    known = {*found.models, *(name.removesuffix(":latest") for name in found.models)}
    if access.model and count and access.model not in known:
        said += f" The default model {access.model!r} is not one of them."
    return said
