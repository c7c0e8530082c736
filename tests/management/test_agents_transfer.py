"""`agents export|import`: files, plans, and what is said of them."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path

import pytest
import yaml

from agents.models import Agent
from tests.harness.recorded import run_of
from tests.management.conftest import Make, Run

pytestmark = pytest.mark.django_db

ONE = "agents:\n- {name: web, command: [sleep, '60'], env: {API_KEY: s3cret}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agents.yaml"
    path.write_text(ONE)
    return path


# export


def test_export_prints_yaml_of_all_agents_by_name(agents: Run, make: Make) -> None:
    make("web"), make("api")
    answer = agents("export")
    assert (answer.code, answer.err) == (0, "")
    names = [agent["name"] for agent in yaml.safe_load(answer.out)["agents"]]
    assert names == ["api", "web"]


def test_export_prints_json(agents: Run, make: Make) -> None:
    make("web", env={"API_KEY": "s3cret"})
    (agent,) = agents("export", "--json").json["agents"]
    assert agent["env"] == {"API_KEY": None}


def test_export_writes_a_file_that_only_its_owner_reads(
    agents: Run, make: Make, tmp_path: Path
) -> None:
    make("web")
    path = tmp_path / "out.yaml"
    path.write_text("old")
    path.chmod(0o644)
    answer = agents("export", str(path))
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == f"1 agent written to {path}.\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == agents("export").out
    assert os.listdir(tmp_path) == ["out.yaml"]


def test_export_writes_through_a_link(agents: Run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    agents("export", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "agents: []\n"


def test_export_to_a_device_does_not_replace_it(agents: Run) -> None:
    assert agents("export", "/dev/null").code == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_export_to_where_nothing_can_be_written_fails(
    agents: Run, tmp_path: Path
) -> None:
    answer = agents("export", str(tmp_path / "no" / "such" / "place"))
    assert answer.code == 1
    assert "cannot be written: No such file or directory" in answer.err


# import


def test_import_makes_agents_and_says_what_was_made(agents: Run, file: Path) -> None:
    answer = agents("import", str(file))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "web: created",
        '  command: ["sleep", "60"]',
        '  env.API_KEY: "••••••"',
        "1 created",
    ]
    assert Agent.objects.get().env == {"API_KEY": "s3cret"}


def test_import_changes_agents_and_says_what_changes(
    agents: Run, make: Make, file: Path
) -> None:
    run_of(make("web", role="old", env={"API_KEY": "other"}))
    make("same")
    file.write_text(ONE + "- {name: same, command: [sleep, '60']}\n")
    answer = agents("import", str(file))
    assert answer.out.splitlines() == [
        "web: changed (runs the older set-up until restarted)",
        '  role: "old" -> ""',
        "  env.API_KEY: another value",
        "1 changed, 1 unchanged",
    ]


def test_a_dry_run_prints_the_plan_and_writes_nothing(agents: Run, file: Path) -> None:
    answer = agents("import", str(file), "--dry-run")
    assert answer.code == 0
    assert answer.out.startswith("web: would be created\n")
    assert not Agent.objects.exists()


def test_import_answers_programs_in_json(agents: Run, make: Make, file: Path) -> None:
    make("web")
    file.write_text(ONE.replace("s3cret", "null"))
    expected = {
        "agents": [
            {
                "name": "web",
                "step": "unchanged",
                "changes": {},
                "warnings": [
                    "API_KEY is a secret that is not in the file: "
                    "set it before the start"
                ],
            }
        ],
        "problems": [],
    }
    dry = agents("import", str(file), "--json", "--dry-run")
    assert dry.json == {"written": False, **expected}
    assert agents("import", str(file), "--json").json == {"written": True, **expected}


def test_a_warning_names_the_secret_to_set(agents: Run, file: Path) -> None:
    file.write_text(ONE.replace("s3cret", "null"))
    answer = agents("import", str(file))
    assert answer.code == 0
    assert answer.err.startswith("web: API_KEY is a secret that is not in the file")


def test_import_tells_every_problem_and_writes_nothing(agents: Run, file: Path) -> None:
    file.write_text(ONE + "- {name: bad, comand: [x]}\n- {name: web}\n")
    answer = agents("import", str(file))
    assert (answer.code, answer.out) == (1, "")
    lines = answer.err.splitlines()
    assert any(
        "bad: comand: There is no such key. Did you mean 'co" in x for x in lines
    )
    assert "bad: command: The command is empty. Name the program to run." in lines
    assert "web: name: #1 and #3 of the file have the same name." in lines
    assert lines[-1].endswith("problems; nothing was written.")
    assert not Agent.objects.exists()
    answer = agents("import", str(file), "--json")
    assert (answer.code, answer.json["written"]) == (1, False)
    assert answer.json["problems"][0]["agent"] == "bad"


@pytest.mark.parametrize("text", ["agents: [", "no: agents", "agents: [\x01]"])
def test_a_file_that_cannot_be_read_fails(agents: Run, file: Path, text: str) -> None:
    file.write_text(text)
    answer = agents("import", str(file))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"{file}: ")
    assert agents("import", str(file), "--json").json["problems"][0]["message"]


def test_a_file_that_is_not_there_fails(agents: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    answer = agents("import", str(path))
    assert (answer.code, answer.err) == (1, f"{path}: No such file or directory.\n")
    assert agents("import", str(tmp_path)).code == 1


def test_import_reads_stdin(agents: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(yaml.safe_load(ONE)).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert agents("import", "-").code == 0
    assert Agent.objects.get().name == "web"


def test_an_empty_file_of_agents_does_nothing(agents: Run, file: Path) -> None:
    file.write_text("agents:\n")
    answer = agents("import", str(file))
    assert (answer.code, answer.out) == (0, "The file names no agents.\n")
