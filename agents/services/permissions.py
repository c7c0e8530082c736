"""The names of what a person may do, and the groups made on the first start."""

from __future__ import annotations

from typing import Final

VIEW: Final = "agents.view_agent"
OPERATE: Final = "agents.operate_agent"
CONFIGURE: Final = "agents.configure_agent"
# Beside the three: whoever has it runs code as the hub's user.
DEFINE_COMMANDS: Final = "agents.define_commands"

# Django's own: what people changed in the admin, and programs by the API.
AUDIT: Final = "admin.view_logentry"

HISTORY: Final = (
    "agents.view_request",
    "agents.view_run",
    "agents.view_lockclaim",
    "agents.view_filelock",
    "agents.view_barrier",
    "agents.view_statuschange",
    "agents.view_node",
    "agents.view_batch",
    "agents.view_batchitem",
    "agents.view_brake",
)

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Viewers": (VIEW, *HISTORY),
    "Operators": (VIEW, *HISTORY, OPERATE),
    "Configurators": (VIEW, *HISTORY, OPERATE, CONFIGURE),
    "Command authors": (VIEW, *HISTORY, OPERATE, CONFIGURE, DEFINE_COMMANDS),
    "Auditors": (VIEW, *HISTORY, AUDIT),
}
