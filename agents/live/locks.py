"""The page of locks as it changes: rendered once for all who have it open.

Runs in the editor's thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from agents.live import fragments
from agents.live.demand import Demand, Key
from agents.models import LockClaim
from agents.models.choices import ClaimStateChoice
from agents.services import lock_view, locks
from agents.services.lock_view import LocksView


class Locks:
    """Remembers what it has told all pages last, so that a change of something else
    is not told, and until when leases lasted, as it is no news that one is renewed."""

    def __init__(self) -> None:
        self._told: LocksView | None = None
        self._leases: Mapping[int, datetime | None] = {}

    def whole(self, demand: Demand) -> dict[Key, str]:
        """For a page that has just come, or was behind."""
        if not demand.locks:
            return {}
        view = lock_view.page()
        if view != self._told:
            # The others have something else: the next look tells all of them.
            self._told = None
        return fragments.whole("locks", {"locks": view}, {demand.operator})

    def changed(self, demands: Collection[Demand]) -> dict[Key, str]:
        """What they show, if it is not what they have."""
        audiences = {one.operator for one in demands if one.locks}
        if not audiences:
            return {}
        view = lock_view.page()
        if view == self._told:
            return {}
        self._told = view
        return fragments.whole("locks", {"locks": view}, audiences)

    def renewed(self, demands: Collection[Demand]) -> dict[Key, str]:
        """The same, where a lease lasts longer than it did."""
        if not any(one.locks for one in demands):
            return {}
        leased = LockClaim.objects.filter(expires_at__isnull=False)
        held = leased.filter(state=ClaimStateChoice.HELD)
        before, self._leases = self._leases, dict(held.values_list("pk", "expires_at"))
        return self.changed(demands) if self._leases != before else {}

    @staticmethod
    def end(demands: Collection[Demand]) -> int:
        """End what has run out, while somebody looks; how many there were."""
        return locks.end_leases() if any(one.locks for one in demands) else 0
