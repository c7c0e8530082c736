"""AgentHub's own AdminSite: its name, its first page, what it lists and in which order.

What may enter: what concerns the admin as a whole, and no single model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from agents.policy.states import Status
from agents.services.permissions import VIEW

if TYPE_CHECKING:
    from django.template.response import TemplateResponse

    from agents.services.overview import StatusCount

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# django-q2 is how the hub runs its own small jobs, nothing to be set up by hand.
HIDDEN_APPS: Final = frozenset({"django_q"})

# Apps and models in the order of the first page; what is not named comes last.
ORDER: Final = (
    *("agents", "Agent", "Provider", "Schedule", "Budget", "Price"),
    *("Request", "Run", "StatusChange", "Usage", "Node", "ApiToken"),
    *("LockClaim", "Barrier", "Batch", "Brake"),
    *("auth", "User", "Group"),
    *("admin", "LogEntry"),
)
# LogEntry is Django's name for it.
NAMES: Final = {
    "StatusChange": "History",
    "LockClaim": "Locks",
    "LogEntry": "Audit log",
}


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name.lower())


class HubAdminSite(AdminSite):
    """The stock admin under AgentHub's name."""

    site_title = "AgentHub"
    site_header = "AgentHub"
    index_title = "Set-up and records"
    site_url = "/"
    # The fleet's list wants the width; base_site.html has a bar instead.
    enable_nav_sidebar = False
    index_template = "admin/hub_index.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # The models are not there yet when this module is imported.
        from agents.admin.registry import ADMINS

        for model, model_admin in ADMINS.items():
            self.register(model, model_admin)

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        """Take what the apps offer, but for what is not for people."""
        offered = (
            [model_or_iterable]
            if isinstance(model_or_iterable, type)
            else list(model_or_iterable)
        )
        shown = [m for m in offered if m._meta.app_label not in HIDDEN_APPS]
        super().register(shown, admin_class, **options)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """As Django's, but who is signed in and is no staff gets a 403.

        The sign-in page, which Django would show, cannot help them.
        """
        stock = super().admin_view(view, cacheable)

        @wraps(stock)
        def guarded(
            request: HttpRequest, *args: Any, **kwargs: Any
        ) -> HttpResponseBase:
            leaving = request.path == reverse("admin:logout", current_app=self.name)
            known = request.user.is_authenticated
            if known and not leaving and not self.has_permission(request):
                raise PermissionDenied("The admin is for members of staff.")
            return stock(request, *args, **kwargs)

        return cast(View, guarded)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Django's page, with an end to guessing."""
        from agents.admin.signing_in import LimitedAdminSignIn
        from agents.services import sign_in

        self.login_form = LimitedAdminSignIn
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        sign_in.finish(request, form, response)
        return response

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[Any]:
        """The apps and models that this person may see, agents first."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: _place(model["object_name"]))
            for model in app["models"]:
                model["name"] = NAMES.get(model["object_name"], model["name"])
        return sorted(apps, key=lambda app: _place(app["app_label"]))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The first page, with the fleet in one line."""
        return super().index(request, {**fleet_strip(request), **(extra_context or {})})


def fleet_strip(request: HttpRequest) -> dict[str, Any]:
    """Counts by status and whether somebody watches; empty for who may not look."""
    if not request.user.has_perm(VIEW):
        return {}
    # The services need the models, which are not there when the site is made.
    from agents.admin import cells
    from agents.services import overview

    counts = overview.status_counts()
    return {
        "fleet_total": sum(one.count for one in counts),
        "fleet_counts": [
            (one, cells.status_badge(one.status))
            for one in counts
            if _worth_showing(one)
        ],
        "supervision": overview.supervision(),
    }


def _worth_showing(count: StatusCount) -> bool:
    return bool(count.count) or count.status in (Status.RUNNING, Status.STOPPED)
