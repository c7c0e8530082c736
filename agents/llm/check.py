"""Does a provider answer, and which models does it name? It costs no tokens."""

from __future__ import annotations

import asyncio
import logging
import traceback
from dataclasses import dataclass
from typing import Final

from agents.llm.clients import Clients
from agents.llm.endpoint import Endpoint, Kind
from agents.llm.failure import Failure, ProviderError
from agents.llm.provider import Provider
from agents.policy.provider_retry import ErrorKind

logger = logging.getLogger(__name__)

# Seconds for the answer; to load an SDK on a busy machine does not count.
PATIENCE: Final = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of it: `failure` is None where it answered.

    `lists` is False for a server that answers and names no models: it need not.
    """

    failure: Failure | None
    models: tuple[str, ...] = ()
    lists: bool = True


async def look(endpoint: Endpoint, patience: float = PATIENCE) -> Finding:
    """Ask once, over a connection of its own; raises nothing but what cancels it."""
    clients = Clients()
    try:
        provider = await clients.get(endpoint)
        async with asyncio.timeout(patience):
            return await _asked(endpoint, provider)
    except TimeoutError:
        said = f"{endpoint.base_url}: no answer within {patience:g} s"
        return Finding(Failure(ErrorKind.TIMEOUT, said))
    except Exception as error:
        # A server that answers what nobody expects must not end whoever asks.
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%s in a list of models:\n%s", type(error).__name__, where)
        return Finding(Failure(ErrorKind.INTERNAL, type(error).__name__))
    finally:
        await clients.aclose()


async def _asked(endpoint: Endpoint, provider: Provider) -> Finding:
    try:
        return Finding(None, await provider.models())
    except ProviderError as error:
        failure = error.failure
    if endpoint.kind is Kind.COMPATIBLE and failure.kind is ErrorKind.NOT_FOUND:
        return Finding(None, lists=False)
    return Finding(failure)
