"""The adapter `cluster`: the hub's own django-q2 cluster, which is a part of the hub.

Its command is made here and not read from its set-up, so that it is always that of
the hub that starts it; and it is given the hub's own environment, but no token.
"""

from __future__ import annotations

import sys

from django.conf import settings

from agents.adapters.launch import Launch, Surroundings
from agents.policy.setup import AgentSetup


def build(setup: AgentSetup, around: Surroundings) -> Launch:
    """The launch; it cannot be refused."""
    manage = str(settings.BASE_DIR / "manage.py")
    env = {
        **around.inherited,
        **settings.AGENTHUB_OWN_ENVIRONMENT,
        "PYTHONUNBUFFERED": "1",
        "AGENTHUB_RUN": around.run_id,
        "AGENTHUB_AGENT": setup.name,
    }
    return Launch((sys.executable, manage, "cluster"), around.home, env)
