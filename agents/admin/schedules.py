"""Schedules in the admin: the door through which people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.configured import WrittenByConfigurators
from agents.admin.fields import ListField, PairsField
from agents.admin.native_fields import PromptField
from agents.models import Schedule
from agents.policy.dependencies import listed
from agents.policy.schedule import OF_TASKS
from agents.services import cron, figures, nodes, schedules
from agents.services.task_list import title

if TYPE_CHECKING:
    ScheduleModelForm = forms.ModelForm[Schedule]
else:
    ScheduleModelForm = forms.ModelForm

SHOWN_TIMES: Final = 5


class ScheduleForm(ScheduleModelForm):
    """What people write of a schedule."""

    names = ListField(
        label="Agents",
        help_text="Their names, with commas between: <code>database, web</code>.",
    )
    labels = PairsField(
        label="Or by label",
        help_text=(
            "<code>key=value</code>: all agents that have it when the time comes. "
            "Several lines: those that have all of them."
        ),
    )
    prompt = PromptField(
        help_text="What the task says, each time.",
        widget=forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField"}),
    )
    paths = ListField(
        label="Paths",
        help_text="What it will write: <code>src/**, docs/*.md</code>.",
    )

    class Meta:
        model = Schedule
        fields = schedules.WRITTEN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("priority", "max_attempts"):
            if name in self.fields:
                self.fields[name].required = False

    def clean_priority(self) -> int:
        """Left empty, it is the usual one."""
        return self._usual("priority")

    def clean_max_attempts(self) -> int:
        """Left empty, they are the usual ones."""
        return self._usual("max_attempts")

    def _usual(self, name: str) -> int:
        given = self.cleaned_data[name]
        return int(getattr(Schedule(), name) if given is None else given)

    def _post_clean(self) -> None:
        """Beside what the model says, what the service would refuse."""
        super()._post_clean()  # type: ignore[misc]
        if {"names", "paths"} & self.errors.keys():
            return  # It can only judge what has the form of a schedule.
        for name, problem in schedules.problems(self.instance).items():
            if name not in self.errors:
                self.add_error(name, problem)


class ScheduleAdmin(WrittenByConfigurators):
    """Who may configure writes them, who may look reads them."""

    form = ScheduleForm
    list_display = (
        "name",
        "what",
        "cron",
        "state",
        "next_time",
        "last_time",
        "last_came",
    )
    list_filter = ("enabled", "action")
    search_fields = ("name", "cron")
    read_only = ("coming", "last_time", "last_came", "created_by", "made")

    def get_fieldsets(
        self, request: HttpRequest, obj: Schedule | None = None
    ) -> list[Any]:
        """What is written, and what came of it."""
        written: list[Any] = [
            (None, {"fields": ("name", "enabled")}),
            (
                "What is done",
                {
                    "description": (
                        "It is asked as a person would ask it: what an agent depends "
                        "on is started too, and what is so already stays so."
                    ),
                    "fields": ("action", "names", "labels"),
                },
            ),
            (
                "What is asked",
                {
                    "description": (
                        "For the action “Ask” and native agents: a task for each, at "
                        "each time. Who has not finished the earlier one, is over "
                        "budget or runs a program gets none, and it is said below. "
                        "Tasks of a stopped agent wait until it is started."
                    ),
                    "fields": tuple(OF_TASKS),
                },
            ),
            (
                "When",
                {
                    "description": (
                        "A time at which no hub was running is noted and not caught "
                        "up: nothing starts hours later by surprise."
                    ),
                    "fields": ("cron", *(() if obj is None else ("coming",))),
                },
            ),
        ]
        if obj is None:
            return written
        came = ("last_time", "last_came", "created_by", "made")
        return [*written, ("What came of it", {"fields": came})]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Schedule | None = None
    ) -> tuple[str, ...]:
        """What nobody writes by hand."""
        return () if obj is None else self.read_only

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Django's own, and no 500 where an agent has gone a moment ago."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(
        self, request: HttpRequest, obj: Schedule, form: Any, change: bool
    ) -> None:
        """By the service, which keeps django-q2 in step."""
        if not change:
            obj.created_by = request.user.get_username()
        schedules.save(obj)
        if obj.enabled and not nodes.is_supervised():
            self.message_user(
                request,
                "No supervisor is running. Times that come while there is none are "
                "not caught up. Start one: manage.py hub",
                messages.WARNING,
            )

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        """By the service."""
        schedules.delete(obj)

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[Schedule]
    ) -> None:
        """One by one, by the service."""
        for schedule in queryset:
            schedules.delete(schedule)

    @admin.display(description="what", ordering="action")
    def what(self, schedule: Schedule) -> SafeString:
        """The action and whom it is for."""
        whom = listed(schedule.names) or cells.tags(
            f"{key}={value}" for key, value in sorted(schedule.labels.items())
        )
        done = format_html("{} {}", schedule.get_action_display(), whom)
        if not schedule.prompt:
            return done
        return format_html(
            '{} <span class="hub-quiet">{}</span>', done, title(schedule.prompt)
        )

    @admin.display(description="state", ordering="enabled")
    def state(self, schedule: Schedule) -> SafeString:
        """Whether its times are kept."""
        if schedule.enabled:
            return cells.badge("running", "check", "On")
        return cells.badge("stopped", "stopped", "Off")

    @admin.display(description="next")
    def next_time(self, schedule: Schedule) -> SafeString:
        """When it comes round."""
        at = schedules.next_time(schedule)
        return cells.moment(at)

    @admin.display(description="next times")
    def coming(self, schedule: Schedule) -> SafeString:
        """The next few, so that a mistake is seen before it is made."""
        if cron.problem(schedule.cron):
            return cells.nothing()
        times = cron.upcoming(schedule.cron, SHOWN_TIMES)
        shown = [(f"{at:%A}", figures.stamp(at).text) for at in times]
        items = format_html_join("", "<li>{} {}</li>", shown)
        note = "" if schedule.enabled else "It is off. If it were on:"
        return format_html('{}<ol class="hub-times">{}</ol>', note, items)

    @admin.display(description="last", ordering="last_at")
    def last_time(self, schedule: Schedule) -> SafeString:
        """The time that came last."""
        return cells.moment(schedule.last_at)

    @admin.display(description="what came of it")
    def last_came(self, schedule: Schedule) -> SafeString:
        """Asked, or missed and why."""
        if schedule.last_ok is None:
            return format_html('<span class="hub-quiet">{}</span>', "not yet due")
        if schedule.last_ok:
            shown = cells.badge("running", "check", "Asked")
        elif schedule.last_outcome.startswith(schedules.MISSED):
            shown = cells.badge("backoff", "backoff", "Missed")
        elif schedule.last_outcome.startswith(schedules.NOBODY):
            shown = cells.badge("crashed", "crashed", "Nobody asked")
        else:
            shown = cells.badge("crashed", "crashed", "In part")
        return format_html("{} {}", shown, schedule.last_outcome)

    @admin.display(description="created")
    def made(self, schedule: Schedule) -> SafeString:
        """When it was added."""
        return cells.moment(schedule.created_at)
