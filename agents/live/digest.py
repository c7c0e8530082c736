"""News of agents as JSON texts, each made once for all programs that it is told to."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from agents.services import agent_news
from agents.services.agent_news import AgentNews

NOTHING = AgentNews({})


def dumps(value: Any) -> str:
    """Compact, and in ASCII: whatever somebody stored can be sent."""
    return json.dumps(value, separators=(",", ":"))


class Digest:
    """The data of deltas, made from the news between two places of the counter."""

    def __init__(self, news: AgentNews) -> None:
        self.tasks = news.tasks
        self._gone = news.gone
        self._texts = {name: dumps(shape) for name, shape in news.changed.items()}
        self._history = [(line["agent"], dumps(line)) for line in news.history]
        told = (news.changed, news.gone, (name for name, _ in self._history))
        self.names = frozenset().union(*told)

    @cached_property
    def of_everyone(self) -> str:
        """That of the topic `agents`."""
        changed = ",".join(self._texts.values())
        history = ",".join(text for _, text in self._history)
        gone = dumps(self._gone)
        return f'{{"changed":[{changed}],"gone":{gone},"history":[{history}]}}'

    def of(self, name: str) -> str:
        """That of one agent; null in its place where there is none of this name."""
        history = ",".join(text for whose, text in self._history if whose == name)
        if name in self._texts:
            agent = self._texts[name]
        else:
            agent = "null" if name in self._gone else dumps(agent_news.one(name))
        return f'{{"agent":{agent},"history":[{history}]}}'
