"""An agent's set-up as programs write and read it: the keys of files, flat.

What is written is described here and judged by `services.setup_keys`, as a file is.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Annotated, Any, Final, Literal

from ninja import Schema
from pydantic import Field, WithJsonSchema

Number = int | float


class SetupOut(Schema):
    """A set-up. Seconds and bytes are numbers."""

    name: str
    kind: Literal["process_wrapper", "native_llm"]
    adapter: Literal["command", "native"]
    role: str
    labels: dict[str, str]
    capabilities: list[str]
    node: str
    command: list[str] = Field(description="The program first; it passes no shell.")
    env: dict[str, str | None] = Field(
        description="A secret's value is never told: null stands for it."
    )
    cwd: str = Field(description="Empty: a directory of its own.")
    stdin: Literal["none", "fifo"]
    auto_restart: Literal["never", "on_failure", "always"]
    max_restarts: int | None = Field(description="Null: no limit.")
    restart_window: Number
    backoff_initial: Number
    backoff_max: Number
    healthy_after: Number
    stop_signal: str
    stop_grace: Number
    heartbeat_interval: Number
    memory_limit: int | None = Field(description="Bytes. Null: no limit.")
    depends_on: list[dict[str, Any]]
    probes: list[dict[str, Any]]
    provider: str
    model: str
    system_prompt: str
    workspace: str
    allow_commands: bool
    max_concurrent_tasks: int
    budget: dict[str, Number] = Field(description='USD: {"day": 5, "month": 80}.')


def _written(required: tuple[str, ...], example: dict[str, Any]) -> dict[str, Any]:
    """The same keys as they may be sent: null is the default."""
    keys: dict[str, Any] = deepcopy(SetupOut.model_json_schema()["properties"])
    for name, told in keys.items():
        if name != "name" and {"type": "null"} not in told.get("anyOf", ()):
            about = told.pop("description", None)
            keys[name] = {"anyOf": [told, {"type": "null"}]}
            if about:
                keys[name]["description"] = about
    keys["env"]["description"] = (
        "The whole environment: what is left out is gone. A null value keeps the "
        "stored one of a secret."
    )
    keys["workspace_mode"] = {"description": "Nothing but in_place yet."}
    return {
        "type": "object",
        "title": "Set-up",
        "properties": keys,
        "required": list(required),
        "examples": [example],
        "additionalProperties": False,
    }


_NEW: Final = _written(("name",), {"name": "worker", "command": ["sleep", "600"]})
_CHANGE: Final = _written((), {"role": "reviewer"})
NewSetup = Annotated[dict[str, Any], WithJsonSchema(_NEW)]
SetupChange = Annotated[dict[str, Any], WithJsonSchema(_CHANGE)]
CREATED: Final[dict[int, Any]] = {
    201: {
        "headers": {
            "Location": {
                "description": "Its address.",
                "required": True,
                "schema": {"type": "string"},
            }
        }
    }
}
