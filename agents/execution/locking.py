"""A task's tools and the locks on what they write: one request after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agents.execution.bridge import Bridge
from agents.execution.tools.tool import Refused
from agents.policy.globs import BadPattern
from agents.services import tool_locks
from agents.services.locks import CannotWait, NotHeld
from agents.services.tool_locks import Lost
from agents.services.work import Claimed


class Locker:
    """One attempt's. Its locks end with the task, so being cancelled needs no care."""

    def __init__(
        self,
        task: Claimed,
        bridge: Bridge,
        workspace: Path,
        news: asyncio.Event,
        say: Callable[[str], None],
    ) -> None:
        """`news` is set when anything of the task has changed; `say` is told what it
        waits for, and nothing when it goes on."""
        self._task, self._bridge, self._workspace = task, bridge, workspace
        self._news, self._say = news, say
        self._one: Final = asyncio.Lock()
        self._told: Final[set[int]] = set()

    async def hold(self, path: str) -> None:
        """Return when the file may be written, which is done next. Raises Refused."""
        async with self._one:
            try:
                while waits := await self._permit(path):
                    self._say(waits)
                    await self._news.wait()
            finally:
                self._say("")

    async def _permit(self, path: str) -> str:
        self._news.clear()
        try:
            return await self._bridge.call(
                tool_locks.permit,
                self._task,
                self._workspace,
                path,
                frozenset(self._told),
            )
        except Lost as lost:
            self._told.add(lost.claim)
            raise Refused(str(lost)) from None
        except (BadPattern, NotHeld, CannotWait) as error:
            raise Refused(f"{error} Nothing was written.") from None
