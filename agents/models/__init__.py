"""The tables: what is set up, what was asked, what happened."""

from __future__ import annotations

from agents.models.agent import Agent
from agents.models.change import Change
from agents.models.node import Node
from agents.models.request import Request
from agents.models.run import Run
from agents.models.schedule import Schedule
from agents.models.status_change import StatusChange

__all__ = ["Agent", "Change", "Node", "Request", "Run", "Schedule", "StatusChange"]
