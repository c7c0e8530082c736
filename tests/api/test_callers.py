"""Who is let in: tokens of people and of runs, and sessions of pages."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents.models import Agent, ApiToken, Run
from agents.services import tokens
from tests.api.conftest import Program, program
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]


def with_token(run: Run) -> Program:
    """A program that the run has started."""
    secret = tokens.for_run()
    Run.objects.filter(pk=run.pk).update(token_hash=tokens.hash_of(secret))
    return Program(secret)


def test_nobody_is_told_how_to_get_a_token(stranger: Program) -> None:
    response = stranger.get("agents/web")
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"] == "Bearer"
    assert "apitoken" in response.json()["detail"]


def test_a_token_of_each_scope_may_look(
    make_agent: MakeAgent, viewer: Program, operator: Program, configurer: Program
) -> None:
    make_agent("web")
    for one in (viewer, operator, configurer):
        response = one.get("agents/web")
        assert response.status_code == 200
        assert response.json()["name"] == "web"


def test_a_wrong_token_counts_more_than_a_good_session(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    response = client.get("/api/v1/agents/x", headers={"Authorization": "Bearer no"})
    assert response.status_code == 401


def test_an_expired_or_revoked_token_lets_nobody_in(vera: User) -> None:
    for end in (
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"revoked_at": timezone.now()},
    ):
        one = program(vera, "view")
        assert one.get("agents/x").status_code == 404
        ApiToken.objects.filter(revoked_at=None).update(**end)
        assert one.get("agents/x").status_code == 401
        ApiToken.objects.all().delete()


def test_a_disabled_persons_token_lets_nobody_in(vera: User, viewer: Program) -> None:
    User.objects.filter(pk=vera.pk).update(is_active=False)
    assert viewer.get("agents/x").status_code == 401


def test_a_token_is_kept_as_a_hash_and_its_use_is_noted(vera: User) -> None:
    one = program(vera, "view")
    token = ApiToken.objects.get()
    assert one.secret is not None
    kept = [str(getattr(token, field.attname)) for field in ApiToken._meta.fields]
    assert not any(one.secret in value for value in kept)
    assert token.last_used_at is None
    one.get("agents/x")
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_a_token_gives_nobody_more_than_they_have(vera: User) -> None:
    caller = tokens.find(
        tokens.issue(vera, name="big", scope="configure", by="x").secret
    )
    assert caller is not None
    assert caller.permissions == tokens.SCOPES["view"]


def test_a_run_reads_its_own_agent_and_no_other(make_agent: MakeAgent) -> None:
    web = make_agent("web")
    make_agent("other")
    run = run_of(web)
    Agent.objects.filter(pk=web.pk).update(status="running", run=run)
    own = with_token(run)
    assert own.get("agents/web").status_code == 200
    for elsewhere in ("agents/other", "agents/nobody", "openapi.json"):
        assert own.get(elsewhere).status_code == 403, elsewhere


def test_a_runs_token_dies_with_the_run(make_agent: MakeAgent) -> None:
    web = make_agent("web")
    run = run_of(web)
    own = with_token(run)
    Agent.objects.filter(pk=web.pk).update(status="running", run=run)
    assert own.get("agents/web").status_code == 200
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now())
    assert own.get("agents/web").status_code == 401


def test_an_unknown_address_and_method_are_problems(viewer: Program) -> None:
    missing = viewer.get("agentz")
    assert (missing.status_code, missing.json()["type"]) == (
        404,
        "urn:agenthub:problem:not-found",
    )
    wrong = viewer.call("DELETE", "openapi.json")
    assert wrong.status_code == 405
    assert wrong["Allow"] == "GET"
    assert wrong["Content-Type"] == "application/problem+json"


def test_an_agent_that_is_not_there_is_a_problem_that_helps(
    make_agent: MakeAgent, viewer: Program
) -> None:
    make_agent("website")
    problem = viewer.get("agents/web-site").json()
    assert problem["status"] == 404
    assert "website" in problem["detail"]


def test_the_description_names_problems_as_such(viewer: Program) -> None:
    told = viewer.get("openapi.json").json()
    one = told["paths"]["/api/v1/agents/{name}"]["get"]
    assert one["security"] == [{"Bearer": []}, {"Session": []}]
    assert list(one["responses"]["404"]["content"]) == ["application/problem+json"]


def test_who_tries_token_after_token_is_told_to_wait_and_others_are_not(
    vera: User,
) -> None:
    right, wrong = program(vera, "view"), Program("ahp_wrong")
    refused = [wrong.get("agents/x") for _ in range(40)]
    statuses = [one.status_code for one in refused]
    assert statuses[:30] == [401] * 30
    last = refused[-1]
    assert last.status_code == 429
    assert int(last["Retry-After"]) >= 1
    assert last["Content-Type"] == "application/problem+json"
    assert last.json()["type"] == "urn:agenthub:problem:too-many"
    assert right.get("agents/x").status_code == 404
    assert Program(None).get("agents/x").status_code == 401
