"""The README's picture: made from a real hub with a fleet in every state."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.people import row, sign_in
from tests.harness.hub import ROOT, HubProcess

PICTURE = ROOT / "docs" / "images" / "agents.png"
FLEET = """
agents:
  - {name: builder, role: Builds every branch, labels: {team: platform},
     command: [sh, -c, "while :; do date; sleep 1; done"]}
  - {name: crawler, role: Reads the documentation sites, labels: {team: search},
     command: [sh, -c, "echo 'no such index: docs-2' >&2; exit 3"], max_restarts: 1,
     backoff_initial: 0.05}
  - {name: indexer, role: Keeps the index fresh, labels: {team: search},
     command: [sleep, "86400"]}
  - {name: migrator, role: Moves one table and ends, labels: {team: platform},
     command: ["true"]}
  - {name: planner, role: Splits work into tasks, labels: {team: core},
     command: [sleep, "86400"]}
  - {name: reviewer, role: Reviews pull requests, labels: {team: core},
     command: [reviewer-cli, --watch]}
  - {name: tester, role: Runs what others write, labels: {team: core},
     command: [sh, -c, "sleep 0.2; exit 1"], backoff_initial: 45}
  - {name: writer, role: Writes release notes, labels: {team: core},
     command: [sleep, "86400"]}
"""


def test_the_picture_in_the_readme_shows_a_fleet_in_every_state(
    hub: HubProcess, page: Page, tmp_path: Path
) -> None:
    (hub.home / "fleet.yaml").write_text(FLEET)
    assert hub.agents("import", "fleet.yaml").returncode == 0
    hub.agents("start", "--all")
    assert hub.agents("stop", "writer", "--wait", "10").returncode == 0
    sign_in(page, hub)
    page.goto(f"{hub.url}/agents/")
    for name, status in {
        "builder": "running",
        "crawler": "crashed",
        "migrator": "stopped",
        "reviewer": "crashed",
        "tester": "backoff",
        "writer": "stopped",
    }.items():
        expect(row(page, name)).to_have_attribute("data-status", status)
    cpu = row(page, "builder").locator("[data-label=CPU]")
    expect(cpu).to_have_text(re.compile(r"%"), timeout=15_000)

    page.set_viewport_size({"width": 1280, "height": 640})
    taken = tmp_path / "agents.png"
    page.screenshot(path=taken)
    assert taken.stat().st_size > 20_000, "The picture is all but empty."
    if os.environ.get("WRITE_PICTURES") == "1":
        shutil.copy(taken, PICTURE)
    assert PICTURE.stat().st_size > 20_000, "make pictures makes the README's picture"
