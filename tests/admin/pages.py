"""What a person does with a page of the admin: read it, fill it in, press a button."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.urls import reverse

LIST = "/admin/agents/agent/"
ADD = "/admin/agents/agent/add/"


def page_of(agent: Any) -> str:
    """The address of an agent's page."""
    return reverse("admin:agents_agent_change", args=[agent.pk])


def text_of(response: Any) -> str:
    """The page's source."""
    assert response.status_code == 200, response.status_code
    return decoded(response)


def decoded(response: Any) -> str:
    return str(response.content.decode())


def messages_of(response: Any) -> list[str]:
    """What the page that came in the end says to the person."""
    return [str(message) for message in response.context["messages"]]


def errors_of(response: Any) -> dict[str, list[str]]:
    """The messages beside the fields of the set-up."""
    return {
        name: [str(error) for error in errors]
        for name, errors in response.context["adminform"].form.errors.items()
    }


def form_values(response: Any) -> dict[str, str]:
    """What the browser would send back if nobody touched the big form."""
    parser = FormParser("agent_form")
    parser.feed(decoded(response))
    return parser.values


def saved(client: Client, agent: Any, **changes: str) -> Any:
    """Open the agent's page, change some fields, press Save."""
    values = form_values(client.get(page_of(agent)))
    return client.post(page_of(agent), values | changes, follow=True)


def added(client: Client, **changes: str) -> Any:
    values = form_values(client.get(ADD))
    given = {"name": "worker", "command": "sleep 60"}
    return client.post(ADD, values | given | changes, follow=True)


def forms_to(response: Any, address: str) -> list[dict[str, str]]:
    """The values of every form that posts to this address."""
    parser = FormParser(address)
    parser.feed(decoded(response))
    return [parser.values] if parser.values else []


class FormParser(HTMLParser):
    """The fields of the form with this id or this action."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.values: dict[str, str] = {}
        self._inside = False
        self._area = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = self.wanted in (given.get("id"), given.get("action"))
        elif not self._inside:
            return
        elif tag == "input" and given.get("type") not in ("submit", "checkbox"):
            self.values[given["name"]] = given.get("value", "")
        elif tag == "textarea":
            self._area = given["name"]
            self.values[self._area] = ""
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self.values[self._select] = given["value"]

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            # The first line break after <textarea> is not part of its value.
            text = self.values[self._area].removeprefix("\n")
            self.values[self._area] = text.replace("\n", "\r\n")
            self._area = ""
        elif tag == "form":
            self._inside = False
