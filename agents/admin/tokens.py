"""Everybody's API tokens: who has which, when it was used, and an end to any of them.

None is made here: a person makes their own, on the page of tokens. Of a token itself
there is nothing to show but its first letters.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import ReadOnlyAdmin
from agents.models import ApiToken
from agents.services import figures, token_list, tokens
from agents.services.token_list import LOOKS, TokenState

REVOKE: Final = "agents.revoke_apitoken"


class StateFilter(admin.SimpleListFilter):
    """Whether it lets somebody in, whose person is not disabled."""

    title = "state"
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Those that a token itself has."""
        shown = (TokenState.VALID, TokenState.EXPIRED, TokenState.REVOKED)
        return [(state.value, LOOKS[state][2]) for state in shown]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ApiToken]
    ) -> QuerySet[ApiToken]:
        """Those of the chosen state."""
        over = Q(expires_at__lte=timezone.now())
        kept = queryset.filter(revoked_at=None)
        match self.value():
            case TokenState.VALID:
                return kept.exclude(over)
            case TokenState.EXPIRED:
                return kept.filter(over)
            case TokenState.REVOKED:
                return queryset.exclude(revoked_at=None)
        return queryset


class ApiTokenAdmin(ReadOnlyAdmin):
    """All tokens of people. Who may revoke, ends them; nobody changes them."""

    actions = ("revoke",)
    list_display = (
        "name",
        "of_person",
        "scope",
        "state",
        "begins_with",
        "made",
        "used",
        "expires",
    )
    list_filter = (
        "scope",
        ("user", admin.RelatedOnlyFieldListFilter),
        StateFilter,
    )
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "hint")
    search_help_text = "Search by name, person or first letters"
    fields = (
        "name",
        "of_person",
        "scope",
        "state",
        "begins_with",
        "made_at",
        "created_by",
        "used_at",
        "expires",
        "ended_at",
    )

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may end everybody's; `permissions=["revoke"]` looks here."""
        return request.user.has_perm(REVOKE)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may look at them, and who may end them."""
        seen = super().has_view_permission(request, obj)
        return seen or self.has_revoke_permission(request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With a button, where there is something to revoke."""
        token: ApiToken | None = context.get("original")
        lasting = token is not None and token.revoked_at is None
        context["may_revoke"] = lasting and self.has_revoke_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    # -- revoking --

    @admin.action(description="Revoke selected tokens…", permissions=["revoke"])
    def revoke(
        self, request: HttpRequest, queryset: QuerySet[ApiToken]
    ) -> HttpResponse:
        """Bulk action: shown first, then done."""
        return self.confirmation(request, queryset)

    def get_urls(self) -> list[URLPattern]:
        """The address of what is confirmed, before Django's catch-all of ids."""
        view: Any = self.admin_site.admin_view(self.revoke_view)
        return [
            path("revoke/", view, name="agents_apitoken_revoke"),
            *super().get_urls(),
        ]

    def revoke_view(self, request: HttpRequest) -> HttpResponse:
        """POST `tokens`, the ids; with `post` it has been confirmed."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied("Revoking others' tokens needs permission.")
        back = reverse("admin:agents_apitoken_changelist")
        if request.method != "POST":
            return HttpResponseRedirect(back)
        given = request.POST.getlist("tokens")
        ids = [int(one) for one in given if one.isdecimal() and len(one) < 19]
        chosen = self.get_queryset(request).filter(pk__in=ids).select_related("user")
        if request.POST.get("post") != "yes":
            return self.confirmation(request, chosen)
        assert isinstance(request.user, User)
        done = sum(tokens.revoke(token, by=request.user) for token in chosen)
        already = len(chosen) - done
        so = f", {already} already so" if already else ""
        text = f"{figures.counted(done, 'token')} revoked{so}."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(back)

    def confirmation(
        self, request: HttpRequest, chosen: QuerySet[ApiToken]
    ) -> HttpResponse:
        """Which tokens will let nobody in any more."""
        found = list(chosen.select_related("user"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Revoke {figures.counted(len(found), 'token')}?",
            "opts": self.opts,
            "media": self.media,
            "rows": [
                (token, self.state(token), self.used(token), self.begins_with(token))
                for token in found
            ],
            "back": reverse("admin:agents_apitoken_changelist"),
        }
        request.current_app = self.admin_site.name
        return render(
            request, "admin/agents/apitoken/revoke_confirmation.html", context
        )

    # -- cells --

    @admin.display(description="person", ordering="user__username")
    def of_person(self, token: ApiToken) -> str:
        """Whose it is."""
        return str(token.user.get_username())

    @admin.display(description="state")
    def state(self, token: ApiToken) -> SafeString:
        """Whether it lets somebody in."""
        return cells.badge(*LOOKS[token_list.state_of(token)])

    @admin.display(description="begins with")
    def begins_with(self, token: ApiToken) -> SafeString:
        """Its first letters, to know it by."""
        return format_html("<code>{}…</code>", token.hint)

    @admin.display(description="made", ordering="created_at")
    def made(self, token: ApiToken) -> SafeString:
        """How long ago."""
        return cells.ago(token.created_at)

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, token: ApiToken) -> SafeString:
        """How long ago, to the minute."""
        return cells.ago(token.last_used_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, token: ApiToken) -> SafeString:
        """The time, in UTC."""
        return cells.moment(token.expires_at)

    @admin.display(description="made at")
    def made_at(self, token: ApiToken) -> SafeString:
        """The time, in UTC."""
        return cells.moment(token.created_at)

    @admin.display(description="last used at")
    def used_at(self, token: ApiToken) -> SafeString:
        """The time, in UTC, to the minute."""
        return cells.moment(token.last_used_at)

    @admin.display(description="revoked at")
    def ended_at(self, token: ApiToken) -> SafeString:
        """The time, in UTC."""
        return cells.moment(token.revoked_at)
