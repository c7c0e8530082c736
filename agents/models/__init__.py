"""The tables: what is set up, what was asked, what happened."""

from __future__ import annotations

from agents.models.agent import Agent
from agents.models.barrier import Arrival, Barrier, Round
from agents.models.batch import Batch, BatchItem
from agents.models.brake import Brake
from agents.models.change import Change
from agents.models.failures import Failures
from agents.models.first_answer import FirstAnswer
from agents.models.group_grant import GroupGrant
from agents.models.lock import FileLock, LockClaim, LockSpace
from agents.models.node import Node
from agents.models.phase import ExpectedArrival
from agents.models.provider import Provider
from agents.models.request import Request
from agents.models.run import Run
from agents.models.schedule import Schedule
from agents.models.status_change import StatusChange
from agents.models.step import Step
from agents.models.task import Task
from agents.models.token import ApiToken
from agents.models.usage import Budget, Price, Usage, UsageDay

__all__ = [
    "Agent",
    "ApiToken",
    "Arrival",
    "Barrier",
    "Batch",
    "BatchItem",
    "Brake",
    "Budget",
    "Change",
    "ExpectedArrival",
    "Failures",
    "FileLock",
    "FirstAnswer",
    "GroupGrant",
    "LockClaim",
    "LockSpace",
    "Node",
    "Price",
    "Provider",
    "Request",
    "Round",
    "Run",
    "Schedule",
    "StatusChange",
    "Step",
    "Task",
    "Usage",
    "UsageDay",
]
