"""The page of the docs: who reads it, that all is on it, and that it costs little."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from agents.api.urls import api
from agents.models import Agent, Run
from agents.services import tokens
from tests.api.conftest import Program
from tests.harness.people import make_person
from tests.harness.recorded import run_of

PAGE = "/api/v1/docs"
BROWSER = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def source(viewer: Program) -> str:
    response = viewer.get("docs")
    assert response.status_code == 200
    return str(response.content.decode())


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = api.get_openapi_schema()["paths"]
    return [
        (method.upper(), path, told)
        for path, methods in paths.items()
        for method, told in methods.items()
    ]


@pytest.mark.parametrize("name", ["alice", "bob", "vera"])
def test_whoever_may_look_reads_it_signed_in(
    request: pytest.FixtureRequest, name: str
) -> None:
    response = signed_in(request.getfixturevalue(name)).get(PAGE)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_whoever_may_not_look_is_refused(db: None) -> None:
    response = signed_in(make_person("nobody")).get(PAGE)
    assert response.status_code == 403
    assert response.json()["type"] == "urn:agenthub:problem:not-allowed"


def test_a_person_is_shown_the_way_in_and_a_program_what_to_send(db: None) -> None:
    person = Client().get(PAGE, headers={"Accept": BROWSER})
    assert person.status_code == 302
    assert person["Location"] == "/sign-in/?next=/api/v1/docs"
    for accepted in ("*/*", "application/json"):
        program = Client().get(PAGE, headers={"Accept": accepted})
        assert program.status_code == 401
        assert "Authorization: Bearer" in program.json()["detail"]


def test_a_wrong_token_is_refused_whatever_is_accepted(db: None) -> None:
    wrong = Program("ahp_wrong").get("docs", Accept=BROWSER)
    assert wrong.status_code == 401
    assert "not known" in wrong.json()["detail"]


def test_a_run_reads_its_agent_and_no_docs(vera: User) -> None:
    run = run_of(Agent.objects.create(name="web", command=["sleep", "9"]))
    secret = tokens.for_run()
    Run.objects.filter(pk=run.pk).update(token_hash=tokens.hash_of(secret))
    assert Program(secret).get("docs").status_code == 403


def test_each_operation_is_there_with_all_that_is_to_be_known(source: str) -> None:
    articles = re.findall(
        r'<article class="panel operation".*?</article>', source, re.DOTALL
    )
    assert len(articles) == len(operations()) > 20
    by_address = {
        unescape(found[1]): text
        for text in articles
        if (found := re.search(r'data-operation="([^"]+)"', text))
    }
    for method, path, told in operations():
        text = by_address[f"{method} {path}"]
        assert told["summary"] in unescape(text)
        for one in told.get("parameters", ()):
            assert f"<code>{one['name']}</code>" in text
        for status, answer in told["responses"].items():
            problem = "application/problem+json" in answer.get("content", {})
            shown = f"#problem-{status}" if problem else f"<b>{status}</b>"
            assert shown in text, f"{method} {path}: {status}"
        assert ("<h4>Body" in text) == ("requestBody" in told)


def test_every_member_of_a_body_and_of_a_shape_is_there(source: str) -> None:
    schemas = api.get_openapi_schema()["components"]["schemas"]
    shapes = re.findall(r'id="shape-(\w+)" ', source)
    assert {"AgentOut", "RunOut", "StatusChangeOut", "ResultOut"} <= set(shapes)
    for name in shapes:
        begin = source.index(f'id="shape-{name}" ')
        text = source[begin : source.index("</article>", begin)]
        for member in schemas[name]["properties"]:
            assert f"<code>{member}</code>" in text, name


def test_every_link_within_the_page_leads_somewhere_and_ids_are_unique(
    source: str,
) -> None:
    ids = re.findall(r'\bid="([^"]+)"', source)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', source)) <= set(ids)


def test_nothing_in_it_needs_an_inline_script_or_another_server(source: str) -> None:
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", source)
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]+', source) == []


def test_what_is_in_backticks_is_code_and_no_name_of_a_class_is_told(
    source: str,
) -> None:
    text = re.sub(r"<pre.*?</pre>", "", source, flags=re.DOTALL)
    assert "`" not in text
    assert "<code>next_offset</code>" in text
    assert "agents.policy" not in text


def test_who_has_it_already_is_not_sent_it_again(viewer: Program) -> None:
    first = viewer.get("docs")
    again = viewer.get("docs", If_None_Match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    other = viewer.get("docs", If_None_Match='W/"other"')
    assert (other.status_code, other.content) == (200, first.content)
    for response in (first, again):
        assert response["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))


def test_it_names_the_address_that_it_was_asked_at(
    viewer: Program, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["hub.example", "testserver"]
    here = viewer.get("docs").content.decode()
    there = viewer.get("docs", Host="hub.example").content.decode()
    assert "export HUB=http://testserver\n" in here
    assert "export HUB=http://hub.example\n" in there
