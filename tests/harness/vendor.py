"""A vendor's stand-in on a loop and thread of its own, for tests that have no loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final

from tests.harness.llm.answers import Behaviour
from tests.harness.llm.anthropic import AnthropicWire
from tests.harness.llm.chat import ChatWire
from tests.harness.llm.ollama import OllamaWire
from tests.harness.llm.openai import OpenAIWire
from tests.harness.llm.server import StandIn, Wire

KEY: Final = "a-key-of-the-tests"
WIRES: Final[dict[str, Callable[[], Wire]]] = {
    "anthropic": AnthropicWire,
    "openai": OpenAIWire,
    "deepseek": ChatWire,
    "ollama": OllamaWire,
}


class Vendor:
    """Answers as told, then plainly; end it with `close`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.stand_in = StandIn(WIRES[kind]())
        self._call(self.stand_in.__aenter__())

    @property
    def url(self) -> str:
        """What a provider's base URL is."""
        return self.stand_in.url

    @property
    def key(self) -> str:
        """Its key; Ollama has none."""
        return "" if self.kind == "ollama" else KEY

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def will(self, *behaviours: Behaviour) -> None:
        """What it does next, a request each."""
        self.stand_in.behaviours.extend(behaviours)

    def close(self) -> None:
        """Nobody is there any more."""
        self._call(self.stand_in.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
