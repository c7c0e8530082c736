"""The same without a hub: `python -m bench.streaming.bare URL AGENTS`.

The SDK, two answers for each agent, the text put together, and nothing else. It prints
the seconds of CPU it has used for it, without the import of the SDK.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from openai import AsyncOpenAI


async def agent(client: AsyncOpenAI) -> int:
    """One agent's task; how many letters it has heard."""
    messages: list[Any] = [{"role": "user", "content": "work"}]
    heard = 0
    for _ in range(2):
        text, called = [], False
        stream = await client.chat.completions.create(
            model="m",
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            for choice in chunk.choices:
                if choice.delta.content:
                    text.append(choice.delta.content)
                called = called or bool(choice.delta.tool_calls)
        heard += len("".join(text))
        if called:
            call = {"name": "list_files", "arguments": "{}"}
            calls = [{"id": "call_1", "type": "function", "function": call}]
            messages.append({"role": "assistant", "tool_calls": calls})
            messages.append({"role": "tool", "tool_call_id": "call_1", "content": "-"})
    return heard


async def main(url: str, agents: int) -> None:
    """All agents at once."""
    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    begin = time.process_time()
    heard = await asyncio.gather(*(agent(client) for _ in range(agents)))
    print(f"{time.process_time() - begin:.2f} {sum(heard)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
