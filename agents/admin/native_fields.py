"""The fields of a set-up that only native agents have, as a person fills them in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.admin.suggestions import SuggestedInput
from agents.models import Agent, Provider
from agents.models.choices import Kind
from agents.policy.native import PRESETS, system_prompt

# What a set-up has and an agent of this kind has no use for.
FOREIGN: Final = {
    Kind.PROCESS_WRAPPER: (),
    Kind.NATIVE_LLM: ("command", "cwd", "stdin", "stop_signal", "memory_limit"),
    Kind.EXTERNAL: (),
}


class PromptField(forms.CharField):
    """Text kept to the letter: browsers send other line breaks than were shown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)

    def to_python(self, value: Any) -> Any:
        """The text with the line breaks that it is stored with."""
        return str(super().to_python(value)).replace("\r\n", "\n")

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the text differs beyond its line breaks."""
        return bool(self.to_python(initial) != self.to_python(data))


def suit(fields: dict[str, forms.Field], agent: Agent) -> None:
    """Give a native agent's form its choices, its suggestions and what they mean."""
    providers = list(Provider.objects.order_by("name"))
    if "provider" in fields:
        fields["provider"] = _provider_field(providers, agent.provider)
    if "model" in fields:
        fields["model"].widget = SuggestedInput(_known_models(providers, agent))
    if "role" in fields:
        fields["role"].widget = SuggestedInput((name, "") for name in PRESETS)
        fields["role"].help_text = "A preset brings its own prompt; or what it is for."
    if "system_prompt" in fields:
        fields["system_prompt"] = _prompt_field(agent)


def _provider_field(providers: Iterable[Provider], chosen: str) -> forms.ChoiceField:
    choices = {one.name: f"{one.name} ({one.get_kind_display()})" for one in providers}
    if chosen and chosen not in choices:
        choices[chosen] = f"{chosen} (there is no such provider any more)"
    add = reverse("admin:agents_provider_add")
    return forms.ChoiceField(
        required=False,  # What is missing, the model says in better words.
        choices=[("", "Choose one…"), *choices.items()],
        help_text=format_html('Who is asked. <a href="{}">Add another</a>.', add),
    )


def _known_models(
    providers: Iterable[Provider], agent: Agent
) -> Iterable[tuple[str, str]]:
    """Of all providers, because the choice may change; the agent's own first."""
    for one in sorted(providers, key=lambda one: one.name != agent.provider):
        yield from ((model, one.name) for model in one.known_models)


def _prompt_field(agent: Agent) -> PromptField:
    given = {"rows": 8, "class": "vLargeTextField", "spellcheck": "false"}
    shown = {**given, "placeholder": system_prompt("", agent.role)}
    return PromptField(
        label="System prompt",
        help_text=_presets(),
        widget=forms.Textarea(attrs=shown),
    )


def _presets() -> SafeString:
    """The prompts to begin from, folded away."""
    return format_html(
        "What it is told before every task. Empty: what its role brings."
        "<details><summary>What the roles bring</summary><dl>{}</dl></details>",
        format_html_join("", "<dt>{}</dt><dd>{}</dd>", PRESETS.items()),
    )
