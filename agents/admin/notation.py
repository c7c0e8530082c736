"""How commands, environments, labels and capabilities are written in a form.

Pure text to data and back, without loss: what the short notation cannot say is
written as JSON, and JSON is always understood. A ValueError says what to change.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agents.policy.dependencies import Condition

# A program may want these as arguments, but who writes them mostly means a shell.
SHELL_WORDS: Final = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"})


def _line_breaks(text: str) -> bool:
    return "\n" in text or "\r" in text


def _lines(text: str) -> list[str]:
    """Browsers send CRLF; only line ends count, not all that splitlines cuts at."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(
            f"This is not valid JSON: {error.msg} "
            f"(line {error.lineno}, column {error.colno})."
        ) from None
    except (ValueError, RecursionError):
        raise ValueError("This JSON cannot be stored as text.") from None
    return value


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def command_text(command: Sequence[str]) -> str:
    """A command as a line; as JSON if an argument has line breaks."""
    if any(_line_breaks(argument) for argument in command):
        return json.dumps(list(command), ensure_ascii=False)
    return shlex.join(command)


def parse_command(text: str) -> Any:
    """A JSON list, or a line with quotes as in a shell, which is never run."""
    text = "\n".join(_lines(text)).strip()
    if text.startswith("["):
        return _json(text)
    try:
        return shlex.split(text)
    except ValueError as error:
        if "quotation" in str(error):
            raise ValueError(
                "A quotation mark is opened and never closed. Close it, or write "
                'the command as JSON: ["program", "argument"].'
            ) from None
        raise ValueError(
            "The command ends with a backslash. Remove it, or write two."
        ) from None


def shell_words(command: object) -> list[str]:
    """Arguments that only a shell would understand, in order, each once."""
    if not isinstance(command, list):
        return []
    return list(dict.fromkeys(a for a in command if a in SHELL_WORDS))


def pairs_text(pairs: Mapping[str, str]) -> str:
    """One NAME=value on each line; as JSON if a value would not survive that."""
    if any(_line_breaks(v) or v != v.strip() for v in pairs.values()):
        return _as_json(dict(pairs))
    return "\n".join(f"{name}={value}" for name, value in pairs.items())


def parse_pairs(text: str) -> Any:
    """The mapping that lines or a JSON object say."""
    if text.strip().startswith("{"):
        return _json(text)
    pairs: dict[str, str] = {}
    for at, line in enumerate(_lines(text), start=1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if not equals:
            raise ValueError(f"Line {at} has no '='. Write NAME=value.")
        if name in pairs:
            raise ValueError(f"Line {at}: {name} is there twice.")
        pairs[name] = value.strip()
    return pairs


def budget_text(budget: Mapping[str, float]) -> str:
    """One period=USD on each line."""
    return "\n".join(f"{period}={amount}" for period, amount in budget.items())


def parse_budget(text: str) -> Any:
    """The mapping that such lines or a JSON object say; the model judges it."""
    found = parse_pairs(text)
    if not isinstance(found, dict):
        return found
    return {period: _number(amount) for period, amount in found.items()}


def _number(text: Any) -> Any:
    """The number that a text writes; what writes none is left as it is."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text):
        return text
    return float(text) if "." in text else int(text)


def records_text(records: Sequence[Mapping[str, Any]]) -> str:
    """Mappings as a JSON list with one of them on each line."""
    if not records:
        return ""
    lines = (json.dumps(one, ensure_ascii=False) for one in records)
    return "[\n  " + ",\n  ".join(lines) + "\n]"


def parse_records(text: str) -> Any:
    """The list that JSON says; one mapping alone is a list of one."""
    if not text.strip():
        return []
    value = _json(text)
    return [value] if isinstance(value, dict) else value


def dependencies_text(dependencies: Sequence[Mapping[str, str]]) -> str:
    """One `agent: condition` on each line, and the agent alone for the usual one."""
    return "\n".join(
        one["agent"] + (f": {condition}" if condition != Condition.STARTED else "")
        for one in dependencies
        for condition in [one.get("condition", Condition.STARTED)]
    )


def parse_dependencies(text: str) -> Any:
    """The list that such lines or a JSON list say; the model judges it."""
    if text.strip().startswith("["):
        return _json("\n".join(_lines(text)))
    found = []
    for line in filter(None, map(str.strip, _lines(text))):
        agent, colon, condition = line.partition(":")
        one = {"agent": agent.strip()}
        if colon:
            one["condition"] = condition.strip()
        found.append(one)
    return found


def list_text(items: Sequence[str]) -> str:
    """Items with commas between; as JSON if one would not survive that."""
    if any("," in i or _line_breaks(i) or i != i.strip() for i in items) or (
        items and items[0].startswith("[")
    ):
        return json.dumps(list(items), ensure_ascii=False)
    return ", ".join(items)


def parse_list(text: str) -> Any:
    """The list that commas, lines or a JSON list say; each item once."""
    text = ",".join(_lines(text)).strip()
    if text.startswith("["):
        return _json(text)
    return list(dict.fromkeys(i for item in text.split(",") if (i := item.strip())))
