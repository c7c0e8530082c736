"""Providers in the admin: addresses, keys that go in and never come out, and tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from agents.admin import cells
from agents.admin.configured import WrittenByConfigurators
from agents.admin.lookups import WithheldColumns
from agents.admin.provider_check import check_badge, check_fragment, fragment_context
from agents.admin.provider_form import ProviderForm
from agents.models import Agent, Provider
from agents.policy.endpoint import BASE_URLS, KEY_VARIABLES, KEYED
from agents.services import provider_checks, providers
from agents.services.permissions import DEFINE_COMMANDS

LIST: Final = "admin:agents_provider_changelist"
ABOUT_ADDRESS: Final = (
    "Who sets it decides where the key and every conversation go: it needs the "
    "permission to set commands."
)


class ProviderAdmin(WithheldColumns, WrittenByConfigurators):
    """Who may look, looks; who may configure, sets keys and defaults."""

    withheld = frozenset({"sealed_key"})
    form = ProviderForm
    list_display = (
        "name",
        "kind",
        "address",
        "shown_key",
        "default_model",
        "connection",
        "checked",
    )
    list_filter = ("kind",)
    search_fields = ("name", "base_url", "default_model")

    def get_fieldsets(
        self, request: HttpRequest, obj: Provider | None = None
    ) -> list[Any]:
        """What is written; of one that exists, how it was found to be too."""
        groups: list[Any] = [
            (None, {"fields": ("name", "kind", "default_model", "max_concurrent")}),
        ]
        if obj is None or obj.kind != "demo":
            sets_address = request.user.has_perm(DEFINE_COMMANDS)
            addressed = ("base_url",) if obj is not None or sets_address else ()
            address = {"description": ABOUT_ADDRESS, "fields": addressed}
            groups += [("Address", address), ("Key", self.key_fields(request, obj))]
        if obj is not None:
            about = "A test is of what has been saved, and costs no tokens."
            fields = ("tested", "used_by")
            groups.append(("Connection", {"description": about, "fields": fields}))
        return groups

    def key_fields(self, request: HttpRequest, obj: Provider | None) -> dict[str, Any]:
        """Where it is from, and what this person may write."""
        fields = [] if obj is None else ["shown_key"]
        if self.has_change_permission(request, obj):
            fields.append("key")
            if obj is not None and obj.sealed_key:
                fields.append("remove_key")
        variable = KEY_VARIABLES.get(obj.kind) if obj is not None else None
        about = f"Without one here, {variable} of the hub's environment counts."
        return {"description": about if variable else "", "fields": fields}

    def get_readonly_fields(
        self, request: HttpRequest, obj: Provider | None = None
    ) -> tuple[str, ...]:
        """A field that is named here is not in the form: to forge it is of no use."""
        address = () if request.user.has_perm(DEFINE_COMMANDS) else ("base_url",)
        if obj is None:
            return address
        return ("name", "kind", "shown_key", "tested", "used_by", *address)

    @method_decorator(sensitive_post_parameters("key"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Django's own, and no 500 where it has gone a moment ago."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        except Provider.DoesNotExist:
            self.message_user(request, "Somebody has just deleted it.", messages.ERROR)
            return HttpResponseRedirect(reverse(LIST))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the button that tests it, for who may press it."""
        provider: Provider | None = context.get("original")
        if provider is not None and self.has_change_permission(request, provider):
            context["check_url"] = reverse(
                "admin:agents_provider_check", args=[provider.pk]
            )
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Provider, form: Any, change: bool
    ) -> None:
        """By the service, which seals the key."""
        providers.save(obj, form.new_key())

    # -- the test of the connection --

    def get_urls(self) -> list[URLPattern]:
        """The test's address, before Django's catch-all of ids."""
        view: Any = self.admin_site.admin_view(self.check_view)
        return [
            path("<int:number>/check/", view, name="agents_provider_check"),
            *super().get_urls(),
        ]

    def check_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """POST: ask for a test. GET: how far it is, for the page that waits."""
        if not self.has_view_permission(request):
            raise PermissionDenied("Looking at providers needs permission.")
        provider = Provider.objects.filter(pk=number).first()
        if provider is None:
            raise Http404("There is no such provider any more.")
        if request.method != "POST":
            return render(request, *fragment_context(provider))
        if not self.has_change_permission(request, provider):
            raise PermissionDenied("Testing providers needs permission.")
        if provider_checks.ask(provider.name, request.user.get_username()):
            self.log_change(request, provider, "Asked for a test of the connection.")
        page = reverse("admin:agents_provider_change", args=[provider.pk])
        return HttpResponseRedirect(page)

    # -- deleting --

    def get_deleted_objects(
        self, objs: Iterable[Provider], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """The providers alone; agents that ask them keep them from being deleted."""
        chosen = list(objs)
        protected = [
            format_html("Agent {} asks {}. Give it another first.", link, one.name)
            for one in chosen
            for link in _users(one)
        ]
        lacking = set() if self.has_delete_permission(request) else {"provider"}
        shown = [one.name for one in chosen]
        return shown, {"providers": len(chosen)}, lacking, protected

    def delete_model(self, request: HttpRequest, obj: Provider) -> None:
        """By the service, which refuses what agents ask."""
        providers.delete(obj)

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[Provider]
    ) -> None:
        """One by one, by the service."""
        for provider in queryset:
            providers.delete(provider)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's own, with a refusal said on the provider's page."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except providers.StillUsed as refusal:
            self.message_user(request, f"Not deleted: {refusal}", messages.ERROR)
        page = reverse("admin:agents_provider_change", args=[object_id])
        return HttpResponseRedirect(page)

    # -- cells --

    @admin.display(description="address", ordering="base_url")
    def address(self, provider: Provider) -> SafeString:
        """Its own, or where else it is from."""
        source = providers.address_is_from(provider)
        if source == "row":
            return cells.cut(provider.base_url)
        if source:
            return _quiet(f"from {source}")
        vendor = BASE_URLS.get(provider.kind, "")
        return _quiet("none" if provider.kind == "demo" else vendor or "none")

    @admin.display(description="key")
    def shown_key(self, provider: Provider) -> SafeString:
        """Whether it has one and where from; never which."""
        source = providers.key_is_from(provider)
        if source == "row":
            if providers.has_readable_key(provider):
                return cells.badge("running", "check", "Set here")
            return cells.badge("crashed", "crashed", "Unreadable: set it again")
        if source:
            return cells.badge("running", "check", f"From {source}")
        if provider.kind in KEYED:
            return cells.badge("backoff", "warning", "None")
        return _quiet("none needed" if provider.kind == "demo" else "none")

    @admin.display(description="connection", ordering="check_ok")
    def connection(self, provider: Provider) -> SafeString:
        """What the last test found."""
        return check_badge(provider)

    @admin.display(description="tested", ordering="checked_at")
    def checked(self, provider: Provider) -> SafeString:
        """How long ago."""
        return cells.ago(provider.checked_at)

    @admin.display(description="last test")
    def tested(self, provider: Provider) -> SafeString:
        """What it found, in words; it follows a test that is under way."""
        return check_fragment(provider)

    @admin.display(description="asked by")
    def used_by(self, provider: Provider) -> SafeString:
        """Its agents."""
        links = _users(provider)
        if not links:
            return _quiet("no agent")
        return SafeString(" ".join(links))


def _users(provider: Provider) -> list[SafeString]:
    found = Agent.objects.filter(provider=provider.name).order_by("name")
    return [cells.agent_link(pk, name) for pk, name in found.values_list("pk", "name")]


def _quiet(text: str) -> SafeString:
    return format_html('<span class="hub-quiet">{}</span>', text)
