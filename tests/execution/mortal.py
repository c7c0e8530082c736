"""A supervisor that dies where it is told: `python -m tests.execution.mortal FOLDER`.

While FOLDER/armed names a point and a number, that passage of it is the process's last
act. The points are around what the engine commits and what its tools do.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from pathlib import Path
from typing import Any, Final

from tests.torture.hub import AnyFunction, Trap, replace

COMMIT: Final = "agents.services.work:commit"
END: Final = "agents.services.work:end"
TOOL: Final = "agents.execution.tools.toolbox:call"
# What a test may name: before or after one of them.
POINTS: Final = {"commit": COMMIT, "end": END, "tool": TOOL}


def trapped(trap: Trap, name: str, function: AnyFunction) -> AnyFunction:
    """The function, with a point before and one after it."""

    @functools.wraps(function)
    async def later(*arguments: Any, **options: Any) -> Any:
        trap.passing(f"before {name}")
        result = await function(*arguments, **options)
        trap.passing(f"after {name}")
        return result

    @functools.wraps(function)
    def now(*arguments: Any, **options: Any) -> Any:
        trap.passing(f"before {name}")
        result = function(*arguments, **options)
        trap.passing(f"after {name}")
        return result

    return later if inspect.iscoroutinefunction(function) else now


def main(folder: Path) -> None:
    """Supervise until killed."""
    import django

    django.setup()
    importlib.import_module("agents.execution.worker")
    trap = Trap(folder)
    for name, target in POINTS.items():
        replace(target, functools.partial(trapped, trap, name))
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "supervise"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
