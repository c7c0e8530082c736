"""What all native agents of a hub share: bridge, providers' desk and writer."""

from __future__ import annotations

from agents.execution.asking import Desk
from agents.execution.bridge import Bridge
from agents.execution.writing import Writer


class Office:
    """Made with the first native agent's run, on the loop; closed with the hub."""

    def __init__(self) -> None:
        self.bridge = Bridge()
        self.desk = Desk(self.bridge)
        self.writer = Writer()

    def give_up(self) -> None:
        """The hub ends: a database that does not answer is not waited for any more."""
        self.bridge.give_up = True

    async def close(self) -> None:
        """End the connections and threads; nobody works any more."""
        self.give_up()
        await self.desk.close()
        await self.writer.close()
        await self.bridge.close()
