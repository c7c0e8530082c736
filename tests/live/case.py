"""A test case with open pages on a real database."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.test import Client, TransactionTestCase
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Node
from agents.services import changes
from agents.services.nodes import LEASE
from tests.harness.people import make_member
from tests.harness.recorded import end_of, passing, run_of
from tests.live.watching import OpenPage

record = sync_to_async(passing)
start_run = sync_to_async(run_of)
end_run = sync_to_async(end_of)


def make_agent(name: str = "web") -> Agent:
    agent = Agent.objects.create(name=name, command=["sleep", "9"])
    changes.append(changes.AGENT, [agent.pk])
    return agent


def sign_in(person: User) -> SessionBase:
    client = Client()
    client.force_login(person)
    return client.session


new_agent = sync_to_async(make_agent)
signed_in = sync_to_async(sign_in)
latest = sync_to_async(changes.latest)


class LiveCase(TransactionTestCase):
    """Bob watches one agent; its supervisor is there."""

    bob: User
    agent: Agent

    @classmethod
    def setUpClass(cls) -> None:
        """With all addresses loaded, as a hub has them when it says it is ready: the
        first fragment of a process must not pay for that within a second."""
        super().setUpClass()
        reverse("overview")

    def setUp(self) -> None:
        self.bob = make_member("bob")
        Node.objects.create(name="local", epoch=1, lease=timezone.now() + LEASE)
        self.agent = make_agent()

    async def open(self, person: User | None = None) -> OpenPage:
        return await OpenPage(person or self.bob).connect()
