"""The supervisor: keeps external agents as they are wanted. Enter by the manager."""

from __future__ import annotations

from agents.supervisor.manager import ProcessManager

__all__ = ["ProcessManager", "get_process_manager", "reset_process_manager"]

_manager: ProcessManager | None = None


def get_process_manager() -> ProcessManager:
    """This process's manager of the node it is for; made when first asked for."""
    global _manager
    if _manager is None:
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
