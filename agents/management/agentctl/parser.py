"""The command line of `manage.py agents`: what may be written, and what it means."""

from __future__ import annotations

import argparse
from typing import Any, Final

from agents.management.agentctl import batch_parser, task_parser
from agents.management.agentctl.quantities import count, seconds
from agents.models.choices import ProviderKind
from agents.policy.linesearch import MAX_NEEDLE
from agents.services.logs import STREAMS
from agents.services.usage import MOST_DAYS

ACTIONS: Final = {
    "start": "start agents; on a crashed one with a fresh restart budget",
    "stop": "stop agents politely, then firmly; works without a hub too",
    "restart": "stop and start agents; on a stopped one: start",
    "kill": "end agents and all they started, at once",
}


def build(parser: argparse.ArgumentParser) -> None:
    """Add every subcommand to Django's parser."""
    parser.add_argument("--json", action="store_true", help="for programs")
    commands = parser.add_subparsers(
        dest="subcommand", required=True, metavar="subcommand"
    )

    def add(name: str, summary: str, **more: Any) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary, **more)
        # Without a default: it must not undo a --json before the subcommand.
        command.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print the API's own shapes",
        )
        return command

    add("list", "all agents in a table")
    status = add("status", "how agents are, since when, why, and how it is known")
    status.add_argument("names", nargs="*", metavar="NAME", help="none: all")
    add("summary", "how many agents are how")
    for action, summary in ACTIONS.items():
        _add_action(add(action, summary))
    batch_parser.build(add, _add_action)
    _add_brake(
        add("brake", "pause everything at once; without --reason: how the brake is"),
        add("release", "let work begin again"),
    )
    _add_logs(add("logs", "what an agent wrote: the bytes, nothing added"))
    input_ = add("input", "write to a program that has `stdin` `fifo` in its set-up")
    input_.add_argument("name", metavar="NAME")
    input_.add_argument(
        "text", metavar="TEXT", help="one line; - is all of stdin, as it is"
    )
    for name, summary in (
        ("history", "every change of status, the newest first"),
        ("runs", "every run and how it ended, the newest first"),
    ):
        command = add(name, summary)
        command.add_argument("names", nargs="+", metavar="NAME")
        command.add_argument(
            "--limit", type=count, metavar="N", help="the newest N of each agent"
        )
    locks = add("locks", "who has which files, and who waits for whom")
    locks.add_argument("names", nargs="*", metavar="NAME", help="none: all")
    task_parser.build(add)
    usage = add("usage", "tokens and cost by agent and model, and how budgets stand")
    usage.add_argument("names", nargs="*", metavar="NAME", help="none: all")
    usage.add_argument(
        "--days",
        type=_days,
        default=30,
        metavar="N",
        help="the last N days in UTC, today included (30)",
    )
    export = add("export", "write all set-ups as YAML; secrets are left out")
    export.add_argument("file", nargs="?", metavar="FILE", help="none: stdout")
    import_ = add("import", "make or change agents as a file says, all or nothing")
    import_.add_argument("file", metavar="FILE", help="YAML or JSON; - is stdin")
    import_.add_argument(
        "--dry-run", action="store_true", help="say what would be done, do nothing"
    )
    add("providers", "whom native agents ask, and whether they have a key")
    # `--key` must not be taken for `--key-from`, and a key for a file's name.
    one = add("provider", "make, change, test or show a provider", allow_abbrev=False)
    _add_provider(one)


def misuse(options: dict[str, Any]) -> str | None:
    """What is wrong with a line that argparse alone took for right."""
    if options["subcommand"] == "logs":
        return _logs_misuse(options)
    if options["subcommand"] == "batches" and options["cancel"]:
        return None if options["id"] else "--cancel needs the number of a batch"
    if options["subcommand"] not in (*ACTIONS, "batch"):
        return None
    given = [bool(options[key]) for key in ("names", "all", "label")]
    if not any(given):
        return "name agents, or give --all or --label KEY=VALUE"
    if sum(given) > 1:
        return "names, --all and --label exclude each other"
    return None


def _logs_misuse(options: dict[str, Any]) -> str | None:
    if options["grep"] is None:
        return None
    if options["follow"]:
        return "--grep and --follow exclude each other"
    if not options["grep"] or "\n" in options["grep"]:
        return "--grep takes a text of one line"
    if len(options["grep"]) > MAX_NEEDLE:
        return f"--grep takes at most {MAX_NEEDLE} characters"
    return None


def _add_action(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", metavar="NAME")
    command.add_argument("--all", action="store_true", help="every agent")
    command.add_argument(
        "--label",
        action="append",
        type=_label,
        metavar="KEY=VALUE",
        help="every agent with this label; of several, with all of them",
    )
    command.add_argument(
        "--wait",
        type=seconds,
        metavar="SECONDS",
        help="until it is done; exit code 1 if it is not",
    )
    command.add_argument("--reason", default="", help="kept in the history")


def _add_brake(
    brake: argparse.ArgumentParser, release: argparse.ArgumentParser
) -> None:
    brake.add_argument("--reason", metavar="R", help="why; everybody sees it")
    brake.add_argument("--stop", action="store_true", help="stop the agents as well")
    brake.add_argument(
        "--finish",
        action="store_true",
        help="let work that has begun finish; without it, it is interrupted",
    )
    release.add_argument(
        "--reason", metavar="R", required=True, help="why it may go on"
    )
    release.add_argument(
        "--go-on",
        action="store_true",
        help="start again what was stopped, and let interrupted work go on",
    )


def _add_provider(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME")
    command.add_argument(
        "--kind", choices=ProviderKind.values, help="makes it if there is none yet"
    )
    key = command.add_mutually_exclusive_group()
    key.add_argument(
        "--key-from",
        metavar="FILE",
        help="the key is all there is in FILE; - is stdin. It is stored encrypted",
    )
    key.add_argument("--remove-key", action="store_true", help="have no key here")
    command.add_argument(
        "--base-url", metavar="URL", help="where it is; '' is the vendor's own"
    )
    command.add_argument(
        "--default-model", metavar="MODEL", help="of agents that name no model"
    )
    command.add_argument(
        "--test",
        action="store_true",
        help="ask it for its models, which costs nothing; exit code 1 if it fails",
    )


def _add_logs(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME")
    command.add_argument(
        "--follow",
        action="store_true",
        help="go on with what is written, over restarts, until Ctrl-C",
    )
    command.add_argument(
        "--tail", type=count, metavar="N", help="the last N lines of each stream"
    )
    command.add_argument(
        "--grep",
        metavar="TEXT",
        help="only lines with this very text, in any case, cut and made readable as "
        "on the page; with --tail N the newest N of each stream",
    )
    command.add_argument(
        "--stream",
        choices=STREAMS,
        help="none: out, then err (with --json: out, as in the API)",
    )
    command.add_argument(
        "--run", type=count, metavar="N", help="the run's number; none: the latest"
    )


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"1 to {MOST_DAYS} days")
    return days


# argparse names the type in its complaint: "invalid number of days value: 'x'".
_days.__name__ = "number of days"
