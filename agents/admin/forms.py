"""The forms of the admin's agents: the set-up, and a wish with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError

from agents.admin.fields import (
    BudgetField,
    CommandField,
    DependenciesField,
    EnvironmentField,
    ListField,
    PairsField,
    ProbesField,
)
from agents.admin.native_fields import FOREIGN, suit
from agents.admin.placing import placed
from agents.models import Agent
from agents.models.choices import Kind
from agents.policy import dependencies as rules
from agents.policy import redact
from agents.services import dependencies, setup_rights

if TYPE_CHECKING:
    AgentModelForm = forms.ModelForm[Agent]
else:
    AgentModelForm = forms.ModelForm

MOST_AGENTS: Final = 10_000


class AgentForm(AgentModelForm):
    """A set-up. `based_on` is the revision that was shown, `clone_of` a source.

    `may_define_commands`: what the person may who fills it in. `kind`: of a new agent.
    """

    may_define_commands: ClassVar = False
    kind: ClassVar = Kind.PROCESS_WRAPPER

    based_on = forms.IntegerField(required=False, widget=forms.HiddenInput)
    clone_of = forms.IntegerField(required=False, widget=forms.HiddenInput)
    command = CommandField(
        label="Command",
        help_text=(
            "The program and its arguments, quoted as in a shell, or a JSON list: "
            '<code>["python", "-m", "http.server"]</code>. It never passes a shell: '
            "no pipes, no <code>$NAME</code>, no <code>*</code>. For one, write "
            "<code>sh -c '…'</code>."
        ),
    )
    env = EnvironmentField(
        label="Environment",
        help_text=(
            "One <code>NAME=value</code> on each line, without quotes, or a JSON "
            "object. Values of names such as …_KEY or …_TOKEN are shown as "
            f"{redact.MASK}; leave the dots to keep the value."
        ),
    )
    labels = PairsField(
        label="Labels",
        help_text="One <code>key=value</code> on each line, to find and filter by.",
    )
    capabilities = ListField(
        label="Capabilities",
        help_text="What it can do, with commas between: <code>review, python</code>.",
    )
    probes = ProbesField(
        label="Probes",
        help_text=(
            "How to ask whether it is well: a JSON list of <code>exec</code>, "
            "<code>http</code>, <code>tcp</code>, <code>silence</code> and "
            "<code>heartbeat</code> probes, such as <code>"
            '[{"type": "http", "url": "http://127.0.0.1:8080/", "readiness": true}, '
            '{"type": "silence", "seconds": 1200, "action": "restart"}]</code>. '
            "Each may have name, period (10 s), timeout (5 s), failures (3), "
            "successes (1), start_grace (30 s) and action (note or restart)."
        ),
    )
    depends_on = DependenciesField(
        label="Depends on",
        help_text=(
            "One agent on each line, if need be with what it has to be: "
            "<code>database: healthy</code>. The conditions are <code>started</code> "
            "(the usual one), <code>healthy</code> and <code>completed</code>."
        ),
    )
    budget = BudgetField(
        label="Budget",
        help_text=(
            "USD it may spend in a day, a month or both, in UTC: <code>day=5</code> "
            "and, on a line of its own, <code>month=80</code>. Empty: no limit."
        ),
    )

    class Meta:
        model = Agent
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agent = self.instance
        if agent._state.adding:
            agent.kind = self.kind
            agent.role = str(self.initial.get("role", ""))
            agent.provider = str(self.initial.get("provider", ""))
        for name in FOREIGN[Kind(agent.kind)]:
            self.fields.pop(name, None)
        if agent.kind == Kind.NATIVE_LLM:
            suit(self.fields, agent)
        for name, value in self.initial.items():
            if isinstance(value, float) and value.is_integer():
                self.initial[name] = int(value)
        if self.instance.pk:
            self.initial["based_on"] = self.instance.revision

    def clean_name(self) -> str:
        """One message, here, for a name that is taken in any case of letters."""
        name = str(self.cleaned_data["name"])
        if Agent.objects.filter(name__iexact=name).exists():
            raise ValidationError("An agent of this name exists already.")
        return name

    def clean_env(self) -> Any:
        """Put the stored values back where the mask came back."""
        env = self.cleaned_data["env"]
        if not isinstance(env, dict):
            return env
        stored = self._stored_env()
        lost = [name for name in env if env[name] == redact.MASK and name not in stored]
        if lost:
            raise ValidationError(
                f"{lost[0]}: the dots stand for a stored value, and there is none "
                "of this name. Type the value."
            )
        return redact.restored(env, stored)

    def clean_probes(self) -> Any:
        """A new command in an exec probe takes the right to define commands."""
        given = self.cleaned_data["probes"]
        sets = setup_rights.sets_a_program(self.instance.probes, given)
        if sets and not self.may_define_commands:
            raise ValidationError(
                "An exec probe runs a program as the hub's user. To set its "
                "command you need the permission to set commands."
            )
        return given

    def clean_depends_on(self) -> Any:
        """Those that can be depended on; how it is written, the model judges."""
        value = self.cleaned_data["depends_on"]
        name = self.instance.name or self.cleaned_data.get("name", "")
        if rules.problem(value, name):
            return value
        if problem := dependencies.problem(name, value):
            raise ValidationError(problem)
        return rules.as_data(rules.read(value))

    def _stored_env(self) -> dict[str, str]:
        source: Any = self.instance.pk or self.cleaned_data.get("clone_of")
        found = Agent.objects.filter(pk=source).values_list("env", flat=True).first()
        return dict(found or {})

    def clean(self) -> dict[str, Any] | None:
        """Refuse to overwrite what somebody else saved meanwhile."""
        cleaned = super().clean()
        shown = self.cleaned_data.get("based_on")
        if self.instance.pk and shown is not None and shown != self.instance.revision:
            raise ValidationError(
                "Somebody changed this set-up while you were editing it "
                f"(revision {shown} is now {self.instance.revision}). Nothing was "
                "saved. Open the page anew and make your changes there."
            )
        return cleaned

    def add_error(self, field: str | None, error: Any) -> None:
        """Beside its field, else on top."""
        if field is None and isinstance(error, ValidationError):
            error = placed(self, Agent, error)
        super().add_error(field, error)


class AskForm(forms.Form):
    """A wish for some agents. `post` is there once it has been confirmed."""

    agents = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        required=False,
        max_length=500,
        label="Reason",
        help_text="Optional. It stands in the requests and in the audit log.",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    post = forms.CharField(required=False, widget=forms.HiddenInput)
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_agents(self) -> list[int]:
        """The ids in `1,2,3`."""
        ids = [part for part in self.cleaned_data["agents"].split(",") if part]
        if len(ids) > MOST_AGENTS or not all(
            part.isascii() and part.isdecimal() and len(part) < 19 for part in ids
        ):
            raise ValidationError("These are no agents.")
        return [int(part) for part in ids]
