"""A native agent is asked on its page, streams its answer, and is steered there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import fits, on_a_phone
from tests.browser.people import (
    is_live,
    is_the_same_document,
    mark_the_document,
    sign_in,
)
from tests.harness.hub import HubProcess

SECOND = 1000
THINKER = """
agents:
  - name: thinker
    kind: native_llm
    provider: demo
    role: planner
"""
WORDS = " ".join(f"word{at}" for at in range(40))


@pytest.fixture(scope="module")
def hub_with_thinker(module_hub: HubProcess) -> Iterator[HubProcess]:
    """A hub with a native agent that runs, on a provider that needs no network."""
    (module_hub.home / "thinker.yaml").write_text(THINKER)
    for line in (["import", "thinker.yaml"], ["start", "thinker", "--wait", "20"]):
        done = module_hub.agents(*line)
        assert done.returncode == 0, done.stderr
    yield module_hub


def ask(page: Page, hub: HubProcess, prompt: str) -> None:
    """Ask by the keyboard; the task's page opens and is live."""
    page.goto(f"{hub.url}/agents/thinker/")
    page.get_by_label("What is to be done").fill(prompt)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"{hub.url}/tasks/*/")
    is_live(page)
    mark_the_document(page)


def test_an_answer_streams_and_becomes_a_step(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    sign_in(page, hub_with_thinker)
    ask(
        page,
        hub_with_thinker,
        f"/think Hm, hm.\n/say {WORDS}\n/pause 1\n/say The <end>.",
    )
    live = page.locator("#live-text")
    expect(live).to_contain_text("word3", timeout=5 * SECOND)
    assert "The <end>." not in live.inner_text()
    thinking = page.locator("#live-thinking-box")
    expect(thinking).to_be_visible()
    thinking.locator("summary").click()
    expect(page.locator("#live-thinking")).to_have_text("Hm, hm.")
    expect(live).to_contain_text("word39", timeout=5 * SECOND)

    step = page.locator('#steps > [data-kind="answer"]')
    expect(step).to_contain_text("The <end>.", timeout=5 * SECOND)
    expect(page.locator("#live-answer")).to_be_hidden()
    expect(page.locator("#task-status")).to_have_attribute("data-task", "succeeded")
    expect(page.locator("#task-result")).to_contain_text("The <end>.")
    expect(page.locator("#task-usage")).to_contain_text("$0.00")
    assert is_the_same_document(page)
    # The words came once: those of the step are no longer in the making.
    assert page.locator("#transcript").inner_text().count("word39") == 2


def test_a_tool_call_is_folded_with_its_result_and_steps_are_filtered(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    sign_in(page, hub_with_thinker)
    ask(page, hub_with_thinker, '/call no_such_tool {"path": "here"}\n/say Done.')
    expect(page.locator("#task-status")).to_have_attribute(
        "data-task", "succeeded", timeout=10 * SECOND
    )
    call = page.locator('#steps > [data-kind="call"]')
    expect(call).to_have_count(1)
    expect(call).to_contain_text("no_such_tool")
    expect(call).to_contain_text("failed")
    expect(call.locator("pre").first).to_be_hidden()
    call.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(call.locator("pre").first).to_have_text("here")

    kinds = "#steps > .step:visible"
    page.locator("#kind-call").check()
    expect(page.locator(kinds)).to_have_count(1)
    page.locator("#kind-all").check()
    newest_first = page.locator(kinds).evaluate_all("all => all.map(one => one.id)")
    page.get_by_role("link", name="Oldest first").click()
    oldest_first = page.locator(kinds).evaluate_all("all => all.map(one => one.id)")
    assert oldest_first == newest_first[::-1]
    assert oldest_first[0] == "step-1"


def test_a_task_is_cancelled_while_it_is_watched(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    sign_in(page, hub_with_thinker)
    ask(page, hub_with_thinker, "/say Wait for me\n/pause 600\n/say Never")
    status = page.locator("#task-status")
    expect(status).to_have_attribute("data-task", "running", timeout=5 * SECOND)
    page.get_by_role("button", name="Cancel").click()
    expect(status).to_have_attribute("data-task", "cancelled", timeout=5 * SECOND)
    expect(status).to_contain_text("cancelled by admin")
    expect(page.locator("#live-answer")).to_be_hidden()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert is_the_same_document(page)


def test_a_question_is_answered_by_the_keyboard_and_nothing_typed_is_lost(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    sign_in(page, hub_with_thinker)
    script = '/call ask_person {"question": "This one or that?"}\n/say So be it.'
    ask(page, hub_with_thinker, script)
    question = page.locator("#task-question")
    expect(question).to_contain_text("This one or that?", timeout=10 * SECOND)
    answer = page.get_by_label("Your answer")
    answer.fill("This")
    # What is told of the task meanwhile leaves the field and its focus alone.
    number = page.url.rstrip("/").rsplit("/", 1)[-1]
    hub_with_thinker.agents("ask", "thinker", "Next", "--follow", number)
    expect(page.locator("#task-facts")).to_contain_text("Next")
    expect(answer).to_have_value("This")
    expect(answer).to_be_focused()
    page.keyboard.type(" one")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#flash")).to_contain_text("Your answer was recorded")
    expect(question).to_be_hidden()
    call = page.locator('#steps > [data-kind="call"]')
    expect(call).to_have_attribute("data-call", "done", timeout=10 * SECOND)
    call.locator("summary").click()
    expect(call).to_contain_text("This one")
    expect(page.locator("#task-status")).to_have_attribute("data-task", "succeeded")


def test_a_conversation_goes_on_and_what_is_refused_loses_nothing(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    sign_in(page, hub_with_thinker)
    ask(page, hub_with_thinker, "The first question")
    first = page.url
    expect(page.locator("#task-result")).to_contain_text(
        "The first question", timeout=10 * SECOND
    )
    prompt = page.get_by_label("In the same conversation")
    prompt.fill("And the second?")
    page.get_by_text("Paths and priority").click()
    page.get_by_label("Paths it will write").fill("a\n" * 101)
    page.get_by_role("button", name="Ask on").click()
    expect(page.locator("#flash")).to_contain_text("Name up to 100 paths")
    expect(prompt).to_have_value("And the second?")
    page.get_by_label("Paths it will write").fill("")
    page.get_by_role("button", name="Ask on").click()
    expect(page.locator("#task-facts")).to_contain_text("The first question")
    assert page.url != first


def test_the_list_follows_and_leads_to_each_task(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    sign_in(page, hub_with_thinker)
    done = hub_with_thinker.agents("ask", "thinker", "/pause 2\n/say Well")
    number = done.stdout.split()[-1]
    page.goto(f"{hub_with_thinker.url}/tasks/")
    row = page.locator(f"#task-row-{number}")
    is_live(page)
    expect(row.locator(".status")).to_have_text("Succeeded", timeout=10 * SECOND)
    hub_with_thinker.agents("ask", "thinker", "Another")
    expect(page.locator("#list-notice")).to_contain_text("1 new task")
    page.select_option("#agent", "thinker")
    page.wait_for_url("**/tasks/?agent=thinker*")
    row.get_by_role("link").first.click()
    page.wait_for_url(f"**/tasks/{number}/")


def test_every_new_page_fits_a_narrow_screen(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    sign_in(page, hub_with_thinker)
    ask(page, hub_with_thinker, "/call " + "x" * 90 + ' {"a": "' + "y" * 300 + '"}')
    expect(page.locator("#task-status")).to_have_attribute(
        "data-task", "succeeded", timeout=10 * SECOND
    )
    on_a_phone(page)
    for address in (page.url, "/tasks/", "/agents/thinker/"):
        page.goto(address if "://" in address else f"{hub_with_thinker.url}{address}")
        fits(page)


def test_copying_takes_the_text_of_the_step(
    hub_with_thinker: HubProcess, page: Page
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, hub_with_thinker)
    ask(page, hub_with_thinker, "/say Copy me, please")
    step = page.locator('#steps > [data-kind="answer"]')
    step.get_by_role("button", name="Copy this step").click(timeout=10 * SECOND)
    expect(page.locator("#announcer")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "[demo, no model] Copy me, please"
