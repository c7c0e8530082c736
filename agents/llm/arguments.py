"""From what a model wrote as a tool's arguments to arguments, or to why not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, NoReturn

from agents.llm.failure import Failure, shortened
from agents.llm.messages import ToolCall
from agents.llm.unicode import well_formed
from agents.policy.provider_retry import ErrorKind


def tool_call(call_id: str, name: str, raw: str) -> ToolCall:
    """The call; a provider that gives it no id gets one. Nothing at all means {}."""
    raw = well_formed(raw)
    call_id = call_id or f"call_{uuid.uuid4().hex[:24]}"
    try:
        arguments = _parsed(raw)
    except ValueError as error:
        failure = Failure(ErrorKind.INVALID_ARGUMENTS, shortened(str(error)))
        return ToolCall(call_id, name, raw, None, failure)
    return ToolCall(call_id, name, raw, arguments)


def sendable(call: ToolCall) -> Mapping[str, Any]:
    """The arguments as an object, for a provider that takes nothing else back."""
    return {"INVALID_JSON": call.raw} if call.arguments is None else call.arguments


def _parsed(raw: str) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        parsed = json.loads(raw, parse_constant=_refuse)
        # Half a surrogate pair parses, and can neither be stored nor sent.
        json.dumps(parsed, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    except UnicodeEncodeError:
        raise ValueError("has half a surrogate pair in it") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"a JSON object is expected, not {type(parsed).__name__}")
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant} is no number")
