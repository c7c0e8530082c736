"""Who may call which operation, as the description says it to programs and people.

The guards in the routes decide; `tests/test_every_address.py` calls every operation
with each kind of token, and fails where what stands here is not so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.models.choices import ScopeChoice

EXTENSION: Final = "x-access"
ROOT: Final = "/api/v1/"

# What a method takes, where nothing else is said.
USUAL: Final[Mapping[str, ScopeChoice]] = {
    "get": ScopeChoice.VIEW,
    "post": ScopeChoice.OPERATE,
    "put": ScopeChoice.CONFIGURE,
    "patch": ScopeChoice.CONFIGURE,
    "delete": ScopeChoice.CONFIGURE,
}
OTHERWISE: Final[Mapping[str, ScopeChoice]] = {
    "get audit": ScopeChoice.CONFIGURE,
    "post agents": ScopeChoice.CONFIGURE,
    "post schedules": ScopeChoice.CONFIGURE,
    "delete barriers/{name}": ScopeChoice.OPERATE,
}
# A run's token reads all of its own agent, and does this for it.
OF_RUNS: Final = frozenset(
    {
        "post agents/{name}/heartbeat",
        "post agents/{name}/deregister",
        "get barriers/{name}",
        "post barriers/{name}/arrive",
        "post locks",
        "post locks/{id}/renew",
        "post locks/{id}/release",
        "get tasks/{task_id}",
        "get tasks/{task_id}/events",
        "get tasks/{task_id}/live",
    }
)


@dataclass(frozen=True, slots=True)
class Access:
    """`scope`: the least that a person's token has; None: nobody has to be known.
    `run`: whether a run's token is let in, for its own agent and what that has."""

    scope: ScopeChoice | None
    run: bool


def of(method: str, path: str, operation: Mapping[str, Any]) -> Access:
    """Of one operation of the description."""
    if "security" not in operation:
        return Access(None, run=True)
    key = f"{method} {path.removeprefix(ROOT)}"
    run = key.startswith("get agents/{name}") or key in OF_RUNS
    return Access(OTHERWISE.get(key, USUAL[method]), run)


def written(access: Access) -> dict[str, Any]:
    """As it stands in the description."""
    return {"scope": access.scope and access.scope.value, "run": access.run}
