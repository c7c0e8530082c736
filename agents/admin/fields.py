"""Form fields for lists and mappings: text in the form, data in the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from agents.admin import notation
from agents.policy import redact


class NotationField(forms.Field):
    """A value written in one of the notations. What it means, the model judges."""

    rows: ClassVar = 3

    def __init__(self, *, label: str, help_text: str) -> None:
        super().__init__(
            required=False,
            label=label,
            help_text=help_text,
            widget=forms.Textarea(
                attrs={
                    "rows": self.rows,
                    "class": "vLargeTextField hub-mono",
                    "spellcheck": "false",
                    "autocomplete": "off",
                    "autocapitalize": "off",
                }
            ),
        )

    def shown(self, value: Any) -> str:
        """The stored value in its notation."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """The data that a text says; ValueError where it says none."""
        raise NotImplementedError

    def prepare_value(self, value: Any) -> Any:
        """The stored value as text; what was typed stays as it was typed."""
        return value if value is None or isinstance(value, str) else self.shown(value)

    def to_python(self, value: Any) -> Any:
        """The data that the text says."""
        try:
            return self.read(value or "")
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the text says something else than what was shown."""
        shown = self.shown(initial) if initial else ""
        try:
            return bool(self.to_python(data) != self.to_python(shown))
        except ValidationError:
            return True


class CommandField(NotationField):
    """A program and its arguments."""

    def shown(self, value: Sequence[str]) -> str:
        """As a line, or a JSON list."""
        return notation.command_text(value)

    def read(self, text: str) -> Any:
        """A line, or a JSON list."""
        return notation.parse_command(text)


class PairsField(NotationField):
    """Texts by name."""

    def shown(self, value: Mapping[str, str]) -> str:
        """As lines, or a JSON object."""
        return notation.pairs_text(value)

    def read(self, text: str) -> Any:
        """Lines, or a JSON object."""
        return notation.parse_pairs(text)


class EnvironmentField(PairsField):
    """The same, with secret values masked on their way out."""

    rows = 5

    def shown(self, value: Mapping[str, str]) -> str:
        """What may be shown of the environment."""
        return super().shown(redact.masked(value))


class ProbesField(NotationField):
    """Ways to ask how the agent is."""

    rows = 5

    def shown(self, value: Sequence[Mapping[str, Any]]) -> str:
        """As JSON, a probe on each line."""
        return notation.records_text(value)

    def read(self, text: str) -> Any:
        """A JSON list, or one probe alone."""
        return notation.parse_records(text)


class DependenciesField(NotationField):
    """Agents that have to be so before this one."""

    def shown(self, value: Sequence[Mapping[str, str]]) -> str:
        """As lines."""
        return notation.dependencies_text(value)

    def read(self, text: str) -> Any:
        """Lines, or a JSON list."""
        return notation.parse_dependencies(text)


class ListField(NotationField):
    """Short texts."""

    rows = 1

    def shown(self, value: Sequence[str]) -> str:
        """With commas, or as a JSON list."""
        return notation.list_text(value)

    def read(self, text: str) -> Any:
        """Commas, or a JSON list."""
        return notation.parse_list(text)


class BudgetField(NotationField):
    """USD by period."""

    rows = 2

    def shown(self, value: Mapping[str, float]) -> str:
        """As lines."""
        return notation.budget_text(value)

    def read(self, text: str) -> Any:
        """Lines, or a JSON object."""
        return notation.parse_budget(text)
