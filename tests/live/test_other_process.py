"""A change by another process is on an open page within a second, without Redis."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.live.case import LiveCase, latest

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import django, sys, time
django.setup()
from agents.models import Agent
from agents.policy.states import Action
from agents.services import lifecycle
ids = [Agent.objects.get(name="web").pk]
print("ready", flush=True)
sys.stdin.readline()
lifecycle.ask(Action.START, ids, lifecycle.Asker("carol", "command"))
print(time.time(), flush=True)
"""


class TestAnotherProcess(LiveCase):
    async def test_its_change_arrives_within_a_second(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        await page.frame()
        other = subprocess.Popen(
            [sys.executable, "-c", ASK],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DJANGO_SETTINGS_MODULE": "agenthub.settings",
                "AGENTHUB_DATA_DIR": str(settings.AGENTHUB_DATA_DIR),
                "DATABASE_URL": f"sqlite://{connection.settings_dict['NAME']}",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert other.stdin is not None
            assert other.stdout is not None
            ready = await asyncio.to_thread(other.stdout.readline)
            assert ready == "ready\n"
            other.stdin.write("go\n")
            other.stdin.flush()
            text = await page.until("start asked by carol", timeout=5.0)
            arrived = time.time()
            recorded = float(await asyncio.to_thread(other.stdout.readline))
        finally:
            other.communicate(timeout=10)
        assert arrived - recorded < 1.0
        assert "agent-row-" in text
        await page.leave()
