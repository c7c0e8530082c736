"""The usage page: what was used and spent, and how the budgets stand."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.pages.guards import PageRequest, around, needs
from agents.services.permissions import VIEW
from agents.services.usage_view import usage_page


@require_safe
@needs(VIEW)
def usage(request: PageRequest) -> HttpResponse:
    """Sums for a chosen period; nothing here changes anything."""
    context = around(request)
    context["usage"] = usage_page(request.GET.dict())
    return render(request, "agents/usage.html", context)
