"""The tool `run_command`, for agents whose set-up allows commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents.adapters.launch import Launch
from agents.execution.tools import arguments as takes
from agents.execution.tools import commands
from agents.execution.tools.commands import Excerpt, Finished, Kept, Why
from agents.execution.tools.finishing import in_thread
from agents.execution.tools.tool import Outcome, Refused, Surroundings
from agents.execution.tools.workspace import Workspace
from agents.llm.request import Tool as Description
from agents.policy import exits, preflight

# Of each stream (bytes).
SHOWN: Final = Kept(head=8_000, tail=16_000)
SECONDS: Final = 120
MOST_SECONDS: Final = 3600


class RunCommand:
    """A program, with its exit code and what it said."""

    description = Description(
        name="run_command",
        description=(
            "Run a program in the workspace and wait for its end. Give command (a line "
            "for /bin/sh) or argv (a list that no shell reads). There is no input and "
            "no terminal. What it leaves in the background is ended with it. Of each "
            f"stream the first {SHOWN.head:,} and the last {SHOWN.tail:,} bytes "
            "are shown; send more into a file."
        ),
        schema=takes.schema(
            command=takes.text("A line for the shell"),
            argv=takes.texts("Instead of command: the program and its arguments"),
            cwd={
                **takes.text("The directory to run it in; . is the workspace"),
                "default": ".",
            },
            timeout=takes.whole("Seconds until it is ended", 1, MOST_SECONDS, SECONDS),
        ),
    )

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """Exit code and output; an error only if it could not end by itself."""
        if not around.allow_commands:
            raise Refused("this agent may not run commands; a person has to allow it")
        launch = await in_thread(_launch, arguments, around)
        await around.command_begins()
        finished = await commands.run(launch, around, arguments["timeout"], SHOWN)
        error = finished.why is not Why.BY_ITSELF
        return Outcome(_told(finished, arguments["timeout"]), error=error)


def _launch(arguments: Mapping[str, Any], around: Surroundings) -> Launch:
    words = _words(arguments.get("command"), arguments.get("argv"))
    env = {
        **around.inherited,
        "PYTHONUNBUFFERED": "1",
        **around.env,
        **around.marks,
    }
    try:
        cleared = preflight.check(words, _directory(arguments["cwd"], around), env)
    except preflight.Refused as refusal:
        raise Refused(str(refusal)) from None
    return Launch(cleared.argv, cleared.cwd, env)


def _words(line: str | None, argv: list[str] | None) -> tuple[str, ...]:
    if line is not None and argv is None:
        if not line.strip():
            raise Refused("the command is empty")
        return ("/bin/sh", "-c", line)
    if argv is not None and line is None:
        return tuple(argv)
    raise Refused("give either command or argv")


def _directory(cwd: str, around: Surroundings) -> str:
    workspace = Workspace(around.workspace)
    parts = workspace.parts(cwd)
    with workspace.directory(parts):
        return str(workspace.root.joinpath(*parts))


def _told(finished: Finished, timeout: int) -> str:
    how = {
        Why.BY_ITSELF: exits.describe(finished.code),
        Why.OVERDUE: f"not done after {timeout} s, and ended; give a longer timeout "
        "if it needs one",
        Why.FLOOD: f"it wrote more than {commands.MOST_OUTPUT >> 20} MiB, and was "
        "ended; send its output into a file, or let it say less",
    }[finished.why]
    text = [f"[{how}]"]
    if finished.why is Why.BY_ITSELF and finished.left:
        text.append(f"[{exits.processes(finished.left)} left in the background, ended]")
    if finished.stuck:
        text.append(f"[{exits.processes(finished.stuck)} could not be ended yet]")
    for name, said in (("stdout", finished.out), ("stderr", finished.err)):
        if said.size:
            text.append(f"--- {name}, {said.size:,} bytes")
            text.append(_shown(said))
    if not (finished.out.size or finished.err.size):
        text.append("[it said nothing]")
    return "\n".join(text)


def _shown(said: Excerpt) -> str:
    if not said.left_out:
        return said.head.rstrip("\n")
    gap = f"\n[… {said.left_out:,} bytes left out …]\n"
    return f"{said.head}{gap}{said.tail}".rstrip("\n")
