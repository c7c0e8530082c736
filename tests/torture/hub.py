"""Real management commands, in processes that die at the point they are told.

    python -m tests.torture.hub FOLDER

loads the product once, wraps the functions of all points, and forks a process for
each command (a JSON list) that it reads; its answer is the pid. To load the product
takes longer than many a hub lives here. `hub` alone, whose server has a reactor from
its first import on, is a fresh process each time.

While FOLDER/armed names a point and a number, the passage of that number is some
process's last act: KILL, to itself.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

ARMED, FIRED, BEGUN = "armed", "fired", "begun"
COMMIT: Final = "django.db.backends.base.base:BaseDatabaseWrapper._commit"

AnyFunction = Callable[..., Any]


class Trap:
    """Counts passages of the armed point; the last one is not returned from."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._fired = folder / ARMED, folder / FIRED
        self._lock = threading.Lock()
        self._passed = 0

    def passing(self, name: str) -> None:
        """The process is at this point."""
        try:
            words = self._armed.read_text()
        except FileNotFoundError:
            return
        number, _, armed = words.partition(" ")
        if armed != name:
            return
        with self._lock:
            self._passed += 1
            if self._passed >= int(number):
                # Disarmed in the same act: the next hub shall live.
                os.rename(self._armed, self._fired)
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()


class Wrapping:
    """Puts the trap around the functions that have points."""

    def __init__(self, trap: Trap) -> None:
        # Not before Django is set up: they know the product's words.
        from tests.torture.points import ASKERS, POINTS, Point, When

        self._trap, self._when = trap, When
        # The wrapped calls that this thread is inside of, for whoever commits.
        self._inside = threading.local()
        points: dict[str, list[Point]] = defaultdict(list)
        for point in (*POINTS, *ASKERS):
            points[point.target].append(point)
        for target, here in points.items():
            replace(target, functools.partial(self._wrapped, here))
        replace(COMMIT, self._committing)

    def _at(
        self,
        when: str,
        points: Sequence[Any],
        arguments: tuple[Any, ...],
        result: Any = None,
    ) -> None:
        for point in points:
            if point.when == when and point.concerns(arguments, result):
                self._trap.passing(point.name)

    def _wrapped(self, points: Sequence[Any], function: AnyFunction) -> AnyFunction:
        before, after = self._when.BEFORE, self._when.AFTER

        @functools.wraps(function)
        async def later(*arguments: Any, **options: Any) -> Any:
            self._at(before, points, arguments)
            result = await function(*arguments, **options)
            self._at(after, points, arguments, result)
            return result

        @functools.wraps(function)
        def now(*arguments: Any, **options: Any) -> Any:
            self._at(before, points, arguments)
            outside = getattr(self._inside, "of", ((), ()))
            self._inside.of = (points, arguments)
            try:
                result = function(*arguments, **options)
            finally:
                self._inside.of = outside
            self._at(after, points, arguments, result)
            return result

        return later if inspect.iscoroutinefunction(function) else now

    def _committing(self, commit: AnyFunction) -> AnyFunction:
        def now(connection: Any) -> None:
            points, arguments = getattr(self._inside, "of", ((), ()))
            self._at(self._when.COMMIT, points, arguments)
            commit(connection)

        return now


def replace(target: str, wrap: Callable[[AnyFunction], AnyFunction]) -> None:
    """Wrap the function in its place, `module:path`; AttributeError if it is gone."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, wrap(getattr(owner, name)))


def tell_of_the_beginning(folder: Path) -> None:
    """When the supervisor takes its node, FOLDER/begun gets the boot clock's time."""
    from agents.policy.clock import boot_seconds

    def telling(take: AnyFunction) -> AnyFunction:
        def now(*arguments: Any) -> Any:
            fresh = folder / f"{BEGUN}.new"
            fresh.write_text(repr(boot_seconds()))
            fresh.rename(folder / BEGUN)
            return take(*arguments)

        return now

    replace("agents.services.nodes:take", telling)


def run(folder: Path, command: list[str]) -> None:
    """Become the command, here and now."""
    if command[0] == "hub":
        importlib.import_module("daphne.server")  # First of all, as the command does.
    load()
    Wrapping(Trap(folder))
    tell_of_the_beginning(folder)
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *command])


def load() -> None:
    """All that a supervisor needs; it opens nothing and starts no thread."""
    import django

    django.setup()
    importlib.import_module("agenthub.asgi")
    importlib.import_module("agents.management.commands.supervise")


def nursery(folder: Path) -> None:
    """Fork a process for each line, until there are no more."""
    load()
    assert threading.active_count() == 1, "a fork would lose the others"
    # Nobody waits for them here: they shall not stay as zombies.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            be_of_its_own()
            command = json.loads(line)
            if command[0] != "hub":
                run(folder, command)
                sys.exit()
            itself = [sys.executable, "-m", "tests.torture.hub", str(folder)]
            os.execv(sys.executable, [*itself, *command])
        print(pid, flush=True)


def be_of_its_own() -> None:
    """Nothing of the nursery's is kept but the log, which is its stderr."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)


if __name__ == "__main__":
    place, *words = sys.argv[1:]
    if words:
        run(Path(place), words)
    else:
        nursery(Path(place))
