"""The client of OpenAI's SDK, for whatever server speaks one of its two APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agents.llm import http
from agents.llm.endpoint import Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def make_client(endpoint: Endpoint) -> AsyncOpenAI:
    """Imports the SDK. What it would take from the environment is kept out.

    The organisation and project there are OpenAI's, and no business of other servers;
    a hub's providers are set up in one place.
    """
    import openai

    absent = openai.Omit()
    headers: dict[str, Any] = {"OpenAI-Organization": absent, "OpenAI-Project": absent}
    return openai.AsyncOpenAI(
        api_key=endpoint.key.reveal() or "none",
        admin_api_key="",
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=http.timeouts(),
        default_headers=cast("dict[str, str]", headers),
        http_client=openai.DefaultAsyncHttpxClient(
            follow_redirects=http.FOLLOW_REDIRECTS
        ),
    )


def without_key(endpoint: Endpoint) -> dict[str, Any]:
    """Headers of a request: the SDK insists on a key, and some servers want none."""
    import openai

    return {} if endpoint.key else {"Authorization": openai.Omit()}
