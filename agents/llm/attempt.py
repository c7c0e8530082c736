"""One attempt at a request: its deadlines, and whatever goes wrong as a Failure."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from agents.llm.events import TextDelta, ThinkingDelta
from agents.llm.failure import Failure, ProviderError
from agents.llm.messages import ToolCall
from agents.llm.provider import Answer, Beat, Piece, Provider
from agents.llm.request import Request
from agents.llm.usage import Usage
from agents.policy.provider_retry import ErrorKind

logger = logging.getLogger(__name__)

# Seconds. The connection serves again only if the answer was read to its last byte.
LAST_BYTES: Final = 1.0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: until the first sign of an answer, between two, and for everything.

    The first is longer: a local server loads its model then, and others have queues.
    """

    first: float = 600.0
    idle: float = 300.0
    total: float = 3600.0


class Attempt:
    """Runs once. Afterwards there is an `answer`; if not, there is a `failure`."""

    def __init__(
        self, provider: Provider, request: Request, deadlines: Deadlines, until: float
    ) -> None:
        """`until`: when everything must be over, on the loop's clock."""
        self._provider = provider
        self._request = request
        self._deadlines = deadlines
        self._until = until
        self.usage = Usage()
        self.answer: Answer | None = None
        self.failure: Failure | None = None

    async def pieces(
        self,
    ) -> AsyncGenerator[TextDelta | ThinkingDelta | ToolCall | Usage]:
        """What is to be handed on. Raises nothing but what cancels it."""
        try:
            async with aclosing(self._provider.attempt(self._request)) as pieces:
                patience = self._deadlines.first
                while piece := await self._next(pieces, patience):
                    patience = self._deadlines.idle
                    match piece:
                        case Beat():
                            continue
                        case Answer():
                            self.answer, patience = piece, LAST_BYTES
                            continue
                        case Usage():
                            self.usage = piece
                    yield piece
            broken = "the answer broke off before its end"
            self.failure = Failure(ErrorKind.CONNECTION, broken)
        except ProviderError as error:
            self.failure = error.failure
        except Exception as error:
            # A server that answers what nobody expects must not end an agent.
            self.failure = Failure(ErrorKind.INTERNAL, type(error).__name__)
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s in an answer:\n%s", type(error).__name__, where)

    async def _next(
        self, pieces: AsyncGenerator[Piece], patience: float
    ) -> Piece | None:
        """The next piece, None at the end; `patience` in seconds.

        Only the wait for it is timed: what its receiver does meanwhile is no silence.
        """
        silent_at = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(min(silent_at, self._until)):
                return await anext(pieces, None)
        except TimeoutError:
            if silent_at < self._until:
                kind, said = ErrorKind.TIMEOUT, f"nothing came for {patience:g} s"
            else:
                kind, said = ErrorKind.DEADLINE, f"{self._deadlines.total:g} s in all"
            raise ProviderError(Failure(kind, said)) from None
