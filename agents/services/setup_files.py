"""Set-ups as text: YAML (so JSON too) with `agents:` and a list.

Any bytes may enter `parse`; plain data of bounded size comes out, or Unreadable.
What stands in it is judged elsewhere (`transfer`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

try:
    from yaml import CSafeDumper as Dumper
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML was built without libyaml: the same, slower.
    from yaml import SafeDumper as Dumper  # type: ignore[assignment]
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

MOST_BYTES: Final = 10 * 1024 * 1024
# Merges (`<<: *defaults`) multiply: without a limit, ten lines can fill the memory.
MOST_KEYS: Final = 200
MOST_MERGES: Final = 10
DEEPEST: Final = 50
_MERGE: Final = "tag:yaml.org,2002:merge"

ABOUT_SECRETS: Final = (
    "# Secret values are not in this file: null keeps the value that the hub has.\n"
    "# For a hub that has none, write it in place of null.\n"
)


class Unreadable(ValueError):
    """The text is not a file of set-ups; the message says where and why."""


def parse(data: bytes) -> list[Any]:
    """What stands under `agents:`; each item is whatever the file has there."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"the file is larger than {MOST_BYTES >> 20} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text, at byte {error.start}") from error
    content = _content(text)
    if not isinstance(content, dict):
        raise Unreadable("no `agents:` with a list of agents is in it")
    if strange := [key for key in content if key != "agents"]:
        raise Unreadable(
            f"{str(strange[0])[:60]!r} is not known here: "
            "the file has `agents:` and a list, nothing else"
        )
    agents = content.get("agents")
    if agents is None and "agents" in content:
        return []
    if not isinstance(agents, list):
        raise Unreadable("no `agents:` with a list of agents is in it")
    return agents


def as_yaml(agents: Sequence[Mapping[str, Any]]) -> str:
    """The text that `parse` reads back."""
    hides = any(None in agent.get("env", {}).values() for agent in agents)
    body = yaml.dump(
        {"agents": list(agents)},
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=100,
    )
    return (ABOUT_SECRETS if hides else "") + body


def as_json(agents: Sequence[Mapping[str, Any]]) -> str:
    """The same as JSON."""
    return json.dumps({"agents": list(agents)}, indent=2) + "\n"


def _content(text: str) -> Any:
    if text.lstrip().startswith("{"):
        # PyYAML reads JSON but for tabs and the escapes of rarer letters.
        try:
            return json.loads(text, object_pairs_hook=_without_repeats)
        except RecursionError:
            raise Unreadable("nested too deeply") from None
        except Unreadable:
            raise
        except ValueError:
            pass
    try:
        _check_depth(text)
        return yaml.load(text, Loader=_Reader)
    except yaml.YAMLError as error:
        raise Unreadable(_place(error)) from error
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError as error:  # A date or a number that is none.
        raise Unreadable(str(error)) from error


def _check_depth(text: str) -> None:
    """libyaml's composer recurses in C: stop before the stack is used up."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise Unreadable("nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Unreadable(f"{twice[:60]!r} stands twice in one place")
    return found


def _place(error: yaml.YAMLError) -> str:
    problem = str(getattr(error, "problem", None) or error)
    if context := getattr(error, "context", None):
        problem += f" ({context})"
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return problem
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


class _Reader(Loader):
    """A safe loader that also refuses keys that stand twice, and merge bombs."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._looked_at: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if id(node) not in self._looked_at:
            # Only before merging: what is merged in may be overridden.
            self._looked_at.add(id(node))
            _check_keys(node)
        super().flatten_mapping(node)
        if len(node.value) > MOST_KEYS:
            raise _refused(node, f"more than {MOST_KEYS} keys in one place")


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[tuple[str, str]] = set()
    for key, value in node.value:
        if key.tag == _MERGE:
            many = isinstance(value, yaml.SequenceNode)
            if many and len(value.value) > MOST_MERGES:
                raise _refused(key, f"more than {MOST_MERGES} merges in one place")
        elif isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                raise _refused(key, f"{key.value[:60]!r} stands twice in one place")
            seen.add((key.tag, key.value))


def _refused(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


class _Writer(Dumper):
    """Writes texts of several lines as they read, not with \\n in them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(dumper: _Writer, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _write_text)
