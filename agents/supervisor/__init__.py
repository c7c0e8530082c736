"""The supervisor: keeps external agents as they are wanted. Enter by the manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.supervisor.manager import ProcessManager

__all__ = ["ProcessManager", "get_process_manager", "reset_process_manager"]

_manager: ProcessManager | None = None


def __getattr__(name: str) -> Any:
    """The manager's class, imported late: it stands on `agents.execution`, whose tools
    stand on the processes of this room."""
    if name == "ProcessManager":
        from agents.supervisor.manager import ProcessManager

        return ProcessManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_process_manager() -> ProcessManager:
    """This process's manager of the node it is for; made when first asked for."""
    global _manager
    if _manager is None:
        from agents.supervisor.manager import ProcessManager

        _manager = ProcessManager()
    return _manager


def set_process_manager(manager: ProcessManager) -> None:
    """Make this the process's manager, for a node other than `local`."""
    global _manager
    _manager = manager


def reset_process_manager() -> None:
    """Forget the manager (close it first), so that the next is a new one."""
    global _manager
    _manager = None
