"""Budgets, prices and usage in the admin: the first two are written here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.configured import WrittenByConfigurators
from agents.admin.readonly import OfAnAgent
from agents.models import Budget, Price, Usage
from agents.services import budgets, figures
from agents.services.permissions import VIEW
from agents.services.usage_view import budget_view


class BudgetAdmin(WrittenByConfigurators):
    """What all agents or one provider may cost; an agent's own is in its set-up."""

    list_display = ("whose", "period", "amount", "spent", "state")
    list_filter = ("scope", "period")
    list_select_related = ("provider",)
    fieldsets = (
        (
            None,
            {
                "description": (
                    "At 80 % people are warned, at 100 % new work is refused and "
                    "running work ends. What one agent may spend stands in its own "
                    "set-up. Requests of unknown cost count as nothing: give such a "
                    "model a price."
                ),
                "fields": ("scope", "provider", "period", "limit"),
            },
        ),
    )

    def save_model(
        self, request: HttpRequest, obj: Budget, form: Any, change: bool
    ) -> None:
        """By the service, which tells open pages."""
        budgets.save(obj)

    def delete_model(self, request: HttpRequest, obj: Budget) -> None:
        """By the service."""
        budgets.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Budget]) -> None:
        """One by one, by the service."""
        for budget in queryset:
            budgets.delete(budget)

    @admin.display(description="whose", ordering="provider__name")
    def whose(self, budget: Budget) -> str:
        """Whom it is for."""
        return budget.provider.name if budget.provider else "All agents"

    @admin.display(description="limit", ordering="limit")
    def amount(self, budget: Budget) -> SafeString:
        """In USD."""
        return cells.figure(figures.money(budget.limit))

    @admin.display(description="spent")
    def spent(self, budget: Budget) -> SafeString:
        """In the day or month that is now."""
        return cells.figure(figures.money(budgets.standing(budget).spent))

    @admin.display(description="state")
    def state(self, budget: Budget) -> SafeString:
        """How it stands."""
        shown = budget_view(budgets.standing(budget))
        return cells.badge(shown.tone, shown.icon, f"{shown.state}, {shown.percent} %")


class PriceAdmin(WrittenByConfigurators):
    """What models cost here, before every public list."""

    list_display = ("model", "whose", "input", "cache_read", "cache_write", "output")
    list_filter = ("provider",)
    search_fields = ("model", "provider")
    fieldsets = (
        (
            None,
            {
                "description": (
                    "It is taken before what a vendor says and before the public "
                    "prices, for requests from now on. Of several that fit, the one "
                    "of a provider is taken before one of any, a model's whole name "
                    "before a beginning, and a longer beginning before a shorter."
                ),
                "fields": ("provider", "model"),
            },
        ),
        (
            "USD for a million tokens",
            {"fields": (("input", "output"), ("cache_read", "cache_write"))},
        ),
    )

    @admin.display(description="provider", ordering="provider")
    def whose(self, price: Price) -> str:
        """Whose model it is."""
        return price.provider or "any"


class CostFilter(admin.SimpleListFilter):
    """What nobody knows the price of is worth a click."""

    title = "cost"
    parameter_name = "cost"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Both kinds."""
        return [("unknown", "Unknown"), ("known", "Known")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Usage]
    ) -> QuerySet[Usage]:
        """Those of the chosen kind."""
        if not self.value():
            return queryset
        return queryset.filter(cost__isnull=self.value() == "unknown")


class UsageAdmin(OfAnAgent):
    """Every request that was made of a model, and what it cost."""

    list_display = (
        "when",
        "of_agent",
        "provider",
        "model",
        "fresh",
        "cached",
        "answered",
        "price",
        "priced_by",
    )
    list_filter = (CostFilter, "provider", "kind", "at")
    search_fields = ("agent_name", "model", "provider")
    search_help_text = "Search by agent, model or provider"
    fields = (
        "when",
        "of_agent",
        ("task", "step", "attempt"),
        ("provider", "kind", "model"),
        ("input", "cache_read", "cache_write"),
        ("output", "reasoning"),
        ("price", "priced_by"),
    )

    def has_view_permission(
        self, request: HttpRequest, obj: Usage | None = None
    ) -> bool:
        """Who may look at agents."""
        return request.user.has_perm(VIEW)

    @admin.display(description="at", ordering="at")
    def when(self, usage: Usage) -> SafeString:
        """The time, in UTC."""
        return cells.moment(usage.at)

    @admin.display(description="input", ordering="input")
    def fresh(self, usage: Usage) -> SafeString:
        """Tokens that no cache had anything to do with."""
        return cells.figure(figures.tokens(usage.input))

    @admin.display(description="cached")
    def cached(self, usage: Usage) -> SafeString:
        """Tokens that a cache gave or took."""
        return cells.figure(figures.tokens(usage.cache_read + usage.cache_write))

    @admin.display(description="output", ordering="output")
    def answered(self, usage: Usage) -> SafeString:
        """Tokens of the answer, reasoning included."""
        return cells.figure(figures.tokens(usage.output))

    @admin.display(description="cost", ordering="cost")
    def price(self, usage: Usage) -> SafeString:
        """In USD; unknown is said, and is no 0."""
        if usage.cost is None:
            return cells.badge("unknown", "unknown", "Unknown")
        return cells.figure(figures.money(usage.cost))
