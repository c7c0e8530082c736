"""A look at the workspace before a task's first command, and one when the task ends.

Only commands write what is not locked: a task without any is not looked at.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from agents.execution.bridge import Bridge
from agents.execution.tools.finishing import in_thread
from agents.policy import snapshot
from agents.policy.snapshot import Snapshot
from agents.services import touched
from agents.services.work import Claimed

logger = logging.getLogger(__name__)


class Touching:
    """One attempt's. What was before a hub that was killed is not known afterwards."""

    def __init__(self, task: Claimed, bridge: Bridge, workspace: Path) -> None:
        self._task, self._bridge = task, bridge
        self._root = workspace
        self._since: datetime | None = None
        self._before = Snapshot({})

    async def begin(self) -> None:
        """A command is about to run."""
        if self._since is None:
            self._since = timezone.now()
            self._before = await in_thread(_look, self._root)

    async def end(self) -> None:
        """The task is over, and nothing of it runs any more. Raises nothing: a task
        has to end."""
        if self._since is None:
            return
        since, self._since = self._since, None
        try:
            after, before = Snapshot({}), self._before
            if not before.missed:
                after = await in_thread(_look, self._root)
            missed = before.missed or after.missed
            paths = [] if missed else snapshot.changed(before, after)
            await self._bridge.call(
                touched.record,
                self._task,
                str(self._root.resolve()),
                paths,
                since,
                missed,
            )
        except Exception:
            logger.exception("what task %s has touched is not known", self._task.id)


def _look(root: Path) -> Snapshot:
    return snapshot.take(str(root.resolve()))
