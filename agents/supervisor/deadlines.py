"""When to look at which agent again, on the boot clock."""

from __future__ import annotations

import heapq

from agents.policy.clock import boot_seconds


class Deadlines:
    """At most one deadline counts for each agent: the earliest that was set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._earliest: dict[int, float] = {}

    def put(self, agent_id: int, at: float) -> None:
        """Look at the agent at `at` (boot seconds), or earlier if so set."""
        if at < self._earliest.get(agent_id, float("inf")):
            self._earliest[agent_id] = at
            heapq.heappush(self._heap, (at, agent_id))

    def due(self) -> set[int]:
        """The agents whose time has come; their deadlines are gone."""
        now, found = boot_seconds(), set()
        while self._heap and self._heap[0][0] <= now:
            at, agent_id = heapq.heappop(self._heap)
            if self._earliest.get(agent_id) == at:
                del self._earliest[agent_id]
                found.add(agent_id)
        return found

    def seconds_to_next(self, at_most: float) -> float:
        """Seconds until the next one, between 0 and `at_most`."""
        if not self._heap:
            return at_most
        return min(at_most, max(0.0, self._heap[0][0] - boot_seconds()))
