"""Fixtures for all tests: hubs, the browser, the cast. See tests/harness for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.fixtures import Settings

from tests.harness.browser import ARGUMENTS, MISSING, Complaints, find_chromium
from tests.harness.hardship import NO_MOUNT
from tests.harness.hub import HubProcess
from tests.harness.people import make_member
from tests.harness.supervisor import Cast, Supervisor

COMPLAINTS = pytest.StashKey[Complaints]()
CALL_FAILED = pytest.StashKey[bool]()


@pytest.fixture
def alice(db: None) -> User:
    """May set agents up, commands included."""
    return make_member("alice")


@pytest.fixture
def bob(db: None) -> User:
    """May start, stop and restart agents."""
    return make_member("bob")


@pytest.fixture
def vera(db: None) -> User:
    """May look."""
    return make_member("vera")


@pytest.fixture(scope="session")
def first_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hub's first start has made, which is most of what it takes."""
    hub = HubProcess(tmp_path_factory.mktemp("first"))
    hub.start()
    assert hub.stop() == 0
    return hub.data


@pytest.fixture
def hub(
    tmp_path_factory: pytest.TempPathFactory, first_data: Path
) -> Iterator[HubProcess]:
    """A running hub without agents, for one test."""
    yield from running_hub(tmp_path_factory, first_data)


@pytest.fixture(scope="module")
def module_hub(
    tmp_path_factory: pytest.TempPathFactory, first_data: Path
) -> Iterator[HubProcess]:
    """The same for all tests of a module, where each makes agents of its own."""
    yield from running_hub(tmp_path_factory, first_data)


def running_hub(
    factory: pytest.TempPathFactory, first_data: Path
) -> Iterator[HubProcess]:
    """At its second start."""
    hub = HubProcess(factory.mktemp("hub"))
    shutil.copytree(first_data, hub.data)
    try:
        yield hub.start()
    finally:
        hub.close()


@pytest.fixture
def data(tmp_path: Path, settings: Settings) -> Path:
    """The data directory that the settings name."""
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    settings.AGENTHUB_DATA_DIR = path
    return path


@pytest.fixture
def idle(transactional_db: None, data: Path) -> Iterator[Supervisor]:
    """A supervisor that has yet to be started."""
    supervisor = Supervisor()
    try:
        yield supervisor
    finally:
        supervisor.sweep_up()


@pytest.fixture
def supervisor(idle: Supervisor) -> Supervisor:
    """A supervisor at work."""
    return idle.start()


@pytest.fixture
def cast(tmp_path: Path, data: Path, transactional_db: None) -> Cast:
    """`cast("echo")` makes an agent; see tests/harness/program.py for the modes."""
    return Cast(tmp_path)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, for the tests of one module.

    While it lives, Playwright keeps an event loop running in this thread: Django
    refuses its ORM there, and asyncio.run fails. So it ends with the module, and
    browser tests talk to a HubProcess and use neither the ORM nor the cast above.
    """
    executable = find_chromium()
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI=true allows no skips. {MISSING}", pytrace=False)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in a browser without history; any complaint fails the test.

    A failed test leaves a picture of the page in test-results/.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints = request.node.stash[COMPLAINTS] = Complaints(context)
    yield page
    if request.node.stash.get(CALL_FAILED, False) and not page.is_closed():
        folder = request.config.rootpath / "test-results"
        page.screenshot(path=folder / f"{request.node.name}.png", full_page=True)
    unforgiven = complaints.unforgiven(page)
    context.close()
    if unforgiven:
        pytest.fail("The browser complained:\n" + "\n".join(unforgiven), pytrace=False)


@pytest.fixture
def complaints(page: Page, request: pytest.FixtureRequest) -> Complaints:
    """What the page complained about; forgive here what a test provokes."""
    heard: Complaints = request.node.stash[COMPLAINTS]
    return heard


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[CALL_FAILED] = report.failed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [str(one.longrepr) for one in terminalreporter.stats.get("skipped", [])]
    for reason in (MISSING, NO_MOUNT):
        if any(reason in text for text in skipped):
            terminalreporter.write_sep("!", red=True, bold=True)
            terminalreporter.write_line(reason, red=True, bold=True)
            terminalreporter.write_sep("!", red=True, bold=True)
