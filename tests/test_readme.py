"""Every command the README shows does what it says: each is run, none is trusted."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator

import pytest

from tests.harness.hub import MANAGE, ROOT, HubProcess

# Shown to people and run by other means, each for its reason.
RUN_ELSEWHERE = {
    "git clone": "the tests run in a clone already",
    "cd ": "the same",
    "apt-get install": "it changes the machine; .ci/run runs it where it has to",
    "sudo apt-get install": "the same",
}
# These run until they are told to stop; they are started by their own tests.
LONG_RUNNING = ("hub", "supervise")
MANAGE_COMMAND = re.compile(r"^(?:\.venv/bin/)?(?:python3?\s+)?(?:\./)?manage\.py\s+")
PLACEHOLDER = re.compile(r"<[^<>\s]+>|…|\.\.\.|\b(?:NAME|FILE|USER|SECONDS|PROMPT)\b")


@pytest.fixture(scope="module")
def demo_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub as the README's reader has it, demo agents included."""
    hub = HubProcess(tmp_path_factory.mktemp("readme"), "--host", "127.0.0.1")
    try:
        yield hub.start()
    finally:
        hub.close()


def test_the_readme_shows_how_to_run_and_to_test() -> None:
    assert {"make run", "make test"} <= set(shown_commands(readme()))


def test_every_shown_command_is_one_that_can_be_tested() -> None:
    unknown = [
        line
        for line in shown_commands(readme())
        if not line.startswith((*RUN_ELSEWHERE, "make "))
        and not MANAGE_COMMAND.match(line)
    ]
    assert unknown == []


def test_no_shown_command_has_a_placeholder_to_fill_in() -> None:
    assert [line for line in shown_commands(readme()) if PLACEHOLDER.search(line)] == []


def test_every_file_the_readme_names_exists() -> None:
    named = re.findall(r"`((?:tests|docs|agents|agenthub)/[^`]*)`", readme())
    linked = re.findall(r"\]\(([^)#:]+)\)", readme())
    assert [path for path in named + linked if not (ROOT / path).exists()] == []
    assert len(named + linked) > 10


def test_every_shown_make_target_exists() -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M)
    missing = [
        target
        for line in shown_commands(readme())
        if line.startswith("make ")
        for target in shlex.split(line)[1:]
        if "=" not in target and target not in targets
    ]
    assert missing == []


def test_every_shown_management_command_succeeds_in_the_order_shown(
    demo_hub: HubProcess,
) -> None:
    for line in shown_commands(readme()):
        if (match := MANAGE_COMMAND.match(line)) is None:
            continue
        rest = line[match.end() :]
        if rest.split()[0] in LONG_RUNNING:
            rest = check_options(demo_hub, rest)
        # Following ends with its reader; what it follows is read here just the same.
        rest = rest.replace(" --follow", "")
        done = demo_hub.run(f"{shlex.join([sys.executable, str(MANAGE)])} {rest}")
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def check_options(hub: HubProcess, command: str) -> str:
    """The command's help in its place, once that is seen to name each option."""
    name, *arguments = shlex.split(command)
    text = hub.manage(name, "--help").stdout
    options = [word.split("=")[0] for word in arguments if word.startswith("--")]
    assert [option for option in options if option not in text] == [], command
    return f"{name} --help"


# How the README is read


def readme() -> str:
    return (ROOT / "README.md").read_text()


def shown_commands(text: str) -> list[str]:
    """The lines of its ```sh blocks: comments dropped, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    commands = [re.sub(r"(^|\s+)#.*", "", line).strip() for line in lines]
    return [re.sub(r"\s+", " ", command) for command in commands if command]


def test_commands_are_read_from_sh_blocks_only() -> None:
    text = """
    make nothing

```sh
# A comment of its own.
make run   # and one behind
manage.py agents start web \\
    --wait 10
```

```python
make nothing
```
"""
    assert shown_commands(text) == ["make run", "manage.py agents start web --wait 10"]
