"""The bare programs: what supervision costs when nothing else is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.agents import Agent
from bench.contestants.contestant import AT_THE_DOOR, Ground
from bench.conversation import Conversation

PROGRAM = Path(__file__).parents[1] / "bare.py"


class Bare:
    """bare.py or bare.c; the commands are lines on its input."""

    def __init__(self, name: str, program: list[str], ground: Ground) -> None:
        self.name, self._program, self._ground = name, program, ground
        self._setup = ground.directory / "agents"
        self._talk: Conversation | None = None

    @classmethod
    def on_asyncio(cls, ground: Ground) -> Bare:
        """The program on asyncio, with this very Python."""
        return cls("bare-asyncio", [sys.executable, "-I", str(PROGRAM)], ground)

    @classmethod
    def in_c(cls, ground: Ground) -> Bare:
        """The program in C; there has to be a compiler."""
        assert ground.built.bare is not None
        return cls("bare-c", [str(ground.built.bare)], ground)

    def prepare(self) -> None:
        lines = []
        for agent in self._ground.agents:
            output = str(self._ground.output(agent))
            words = [str(int(agent.restart)), str(agent.grace), output]
            lines.append("\t".join([*words, *self._ground.argv(agent)]) + "\n")
        self._setup.write_text("".join(lines))

    def launch(self) -> None:
        log = self._ground.directory / "log"
        self._talk = Conversation([*self._program, str(self._setup)], log)

    def connect(self) -> None:
        self.talk.hear()

    @property
    def talk(self) -> Conversation:
        """The conversation with the program that runs."""
        assert self._talk is not None, "It has not been launched."
        return self._talk

    @property
    def pid(self) -> int:
        return self.talk.process.pid

    def kill9(self) -> None:
        self.talk.process.kill()
        self.talk.close()

    def start_all(self) -> None:
        self.talk.ask("start")

    def stop_all(self) -> None:
        self.talk.ask("stop")

    def recorded(self, running: bool) -> bool:
        return False

    def known(self) -> set[int]:
        return {int(pid) for pid in self.talk.ask("pids").split()}

    def doors(self) -> Mapping[str, Callable[[], object]]:
        return {"status": lambda: self.talk.ask("status", AT_THE_DOOR)}

    def output(self, agent: Agent) -> Path:
        return self._ground.output(agent)

    def close(self) -> None:
        if self._talk is not None:
            self._talk.close()
