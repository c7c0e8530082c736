"""A person asks, on the page: the answer streams, a file is written, usage is shown.

On the demo and on each vendor's wire format, in a real browser against a real hub.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import is_the_same_document, mark_the_document, sign_in
from tests.harness.hub import HubProcess
from tests.harness.llm.answers import Answer, Call, Say, Think
from tests.harness.vendor import WIRES, Vendor

SECOND = 1000
ARGUMENTS = json.dumps({"path": "note.txt", "content": "written by an agent"})
WORDS = tuple(f"word{n} " for n in range(30))
SCRIPT = (
    f"/say I write a note.\n/call write_file {ARGUMENTS}\n/say {''.join(WORDS)}\n"
    "/pause 1"
)


@pytest.fixture(scope="module", params=["demo", *WIRES])
def asked_of(
    request: pytest.FixtureRequest, module_hub: HubProcess
) -> Iterator[tuple[HubProcess, str]]:
    """A hub with an agent of this provider that runs."""
    kind: str = request.param
    vendor = None if kind == "demo" else Vendor(kind)
    try:
        if vendor is not None:
            prepare(module_hub, vendor)
        name = f"worker-{kind}"
        (module_hub.home / "agent.yaml").write_text(
            f"agents:\n  - name: {name}\n    kind: native_llm\n"
            f"    provider: {kind}\n    model: some-model\n"
        )
        for line in (["import", "agent.yaml"], ["start", name, "--wait", "20"]):
            done = module_hub.agents(*line)
            assert done.returncode == 0, done.stderr
        yield module_hub, name
    finally:
        if vendor is not None:
            vendor.close()


def prepare(hub: HubProcess, vendor: Vendor) -> None:
    """Its address and key; and what it will say."""
    (hub.home / "key").write_text(vendor.key)
    line = ["provider", vendor.kind, "--base-url", vendor.url]
    if vendor.key:
        line += ["--key-from", "key"]
    done = hub.agents(*line)
    assert done.returncode == 0, done.stderr
    vendor.will(
        Answer(
            (Think("Hm."), Say(("I write a note.",)), Call("write_file", ARGUMENTS))
        ),
        Answer((Say(WORDS),), pace=0.05),
    )


def test_a_task_from_the_page_to_the_file_and_its_usage(
    asked_of: tuple[HubProcess, str], page: Page
) -> None:
    hub, name = asked_of
    sign_in(page, hub)
    page.goto(f"{hub.url}/agents/{name}/")
    page.get_by_label("What is to be done").fill(SCRIPT)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"{hub.url}/tasks/*/")
    mark_the_document(page)
    live = page.locator("#live-text")
    expect(live).to_contain_text("word3", timeout=20 * SECOND)
    expect(page.locator("#task-status")).to_have_attribute(
        "data-task", "succeeded", timeout=20 * SECOND
    )
    expect(page.locator("#task-result")).to_contain_text("word29")
    tool = page.locator('#steps > [data-kind="tool"], #steps > [data-kind="call"]')
    expect(tool.first).to_contain_text("write_file")
    note = hub.data / "work" / name / "note.txt"
    assert note.read_text() == "written by an agent"
    shown = page.locator("#task-usage").inner_text()
    free = name in ("worker-demo", "worker-ollama")
    assert ("$0.00" if free else "unknown") in shown
    assert is_the_same_document(page)
