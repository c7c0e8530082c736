"""circus: one watcher for each agent, driven through its ZeroMQ client."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench.agents import Agent
from bench.contestants import daemon
from bench.contestants.contestant import AT_THE_DOOR, Ground
from bench.conversation import Conversation

CLIENT = Path(__file__).parents[1] / "clients" / "circus_client.py"
# It polls for the dead: the default of 1 s would be its time to a restart.
CHECK_DELAY: Final = 0.2


class Circus(daemon.Daemon):
    """In its fastest sane set-up: no warm-up, a quick check, own file an agent."""

    name = "circus"

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._config = ground.directory / "circus.ini"
        self._endpoint = f"ipc://{ground.directory}/control"
        self._talk: Conversation | None = None

    def prepare(self) -> None:
        here = self.ground.directory
        sections = [
            f"[circus]\nendpoint={self._endpoint}\n"
            f"pubsub_endpoint=ipc://{here}/events\ncheck_delay={CHECK_DELAY}\n"
            "loglevel=WARNING\n"
        ]
        for agent in self.ground.agents:
            program, *words = self.ground.argv(agent)
            sections.append(
                f"[watcher:{agent.name}]\ncmd={program}\nargs={shlex.join(words)}\n"
                f"numprocesses=1\nwarmup_delay=0\ngraceful_timeout={agent.grace:g}\n"
                f"respawn={agent.restart}\n"
                f"stdout_stream.class=FileStream\n"
                f"stdout_stream.filename={self.output(agent)}\n"
            )
        self._config.write_text("\n".join(sections))
        python = str(daemon.peers_python())
        self._talk = Conversation([python, str(CLIENT), self._endpoint], self.log)

    def launch(self) -> None:
        program = str(daemon.peers_python().with_name("circusd"))
        self.spawn([program, str(self._config)])

    def connect(self) -> None:
        self.talk.ask("connect")

    @property
    def talk(self) -> Conversation:
        """The conversation with the client."""
        assert self._talk is not None, "It has not been prepared."
        return self._talk

    def start_all(self) -> None:
        self.talk.ask("start")

    def stop_all(self) -> None:
        self.talk.ask("stop")

    def known(self) -> set[int]:
        return set(json.loads(self.talk.ask("pids")))

    def doors(self) -> Mapping[str, Callable[[], object]]:
        return {"status": lambda: self.talk.ask("status", AT_THE_DOOR)}

    def output(self, agent: Agent) -> Path:
        return self.ground.output(agent)

    def close(self) -> None:
        if self._talk is not None:
            self._talk.close()
        super().close()
