"""Which model is shown by which ModelAdmin."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.db.models import Model

from agents.admin.agents import AgentAdmin
from agents.admin.audit import LogEntryAdmin
from agents.admin.barriers import BarrierAdmin
from agents.admin.batches import BatchAdmin
from agents.admin.brakes import BrakeAdmin
from agents.admin.history import RequestAdmin, StatusChangeAdmin
from agents.admin.locks import LockClaimAdmin
from agents.admin.nodes import NodeAdmin
from agents.admin.providers import ProviderAdmin
from agents.admin.runs import RunAdmin
from agents.admin.schedules import ScheduleAdmin
from agents.admin.spending import BudgetAdmin, PriceAdmin, UsageAdmin
from agents.admin.tokens import ApiTokenAdmin
from agents.models import (
    Agent,
    ApiToken,
    Barrier,
    Batch,
    Brake,
    Budget,
    LockClaim,
    Node,
    Price,
    Provider,
    Request,
    Run,
    Schedule,
    StatusChange,
    Usage,
)

ADMINS: Final[dict[type[Model], type[ModelAdmin[Any]]]] = {
    Agent: AgentAdmin,
    Provider: ProviderAdmin,
    Schedule: ScheduleAdmin,
    Budget: BudgetAdmin,
    Price: PriceAdmin,
    Usage: UsageAdmin,
    Request: RequestAdmin,
    Run: RunAdmin,
    LockClaim: LockClaimAdmin,
    Barrier: BarrierAdmin,
    StatusChange: StatusChangeAdmin,
    Node: NodeAdmin,
    ApiToken: ApiTokenAdmin,
    Batch: BatchAdmin,
    Brake: BrakeAdmin,
    LogEntry: LogEntryAdmin,
}
