"""From a page's words to what it shows: names become ids, runs become files.

Reads the database; runs in the editor's thread.
"""

from __future__ import annotations

from agents.live import follow
from agents.live.demand import Demand
from agents.live.subscription import Subscription
from agents.models import Agent
from agents.services import agent_detail


def demand_of(subscribed: Subscription, *, operator: bool) -> Demand:
    """What a page shows. An agent that is gone is shown as nothing."""
    agent_id = None
    log = None
    if subscribed.agent:
        found = Agent.every.filter(name=subscribed.agent).values_list("pk", flat=True)
        agent_id = found.first()
    if agent_id is not None and (at := subscribed.logs) is not None:
        run = agent_detail.run_of(agent_id, at.run)
        log = follow.reader(agent_id, subscribed.agent, at, run)
    return Demand(
        operator=operator,
        overview=subscribed.overview,
        agents=subscribed.agents,
        registry=subscribed.registry,
        ids=subscribed.ids,
        agent_id=agent_id,
        log=log,
        tasks=subscribed.tasks,
        task_ids=subscribed.task_ids if subscribed.tasks else frozenset(),
        task=subscribed.task,
        transcript=subscribed.transcript,
        batches=subscribed.batches,
        locks=subscribed.locks,
        barriers=subscribed.barriers,
        batch=subscribed.batch,
    )
