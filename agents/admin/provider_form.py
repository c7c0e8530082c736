"""The form of a provider. A key that was typed is in no page that comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from agents.admin.placing import placed
from agents.admin.suggestions import SuggestedInput
from agents.models import Provider
from agents.policy.endpoint import key_problem

if TYPE_CHECKING:
    ProviderModelForm = forms.ModelForm[Provider]
else:
    ProviderModelForm = forms.ModelForm


class ProviderForm(ProviderModelForm):
    """What people write of a provider."""

    key = forms.CharField(
        required=False,
        label="New key",
        help_text=(
            "It is encrypted, and nobody sees it again. Empty: what is set now stays."
        ),
        widget=forms.PasswordInput(
            render_value=False,
            attrs={
                "class": "vTextField",
                "autocomplete": "new-password",
                "spellcheck": "false",
            },
        ),
    )
    remove_key = forms.BooleanField(
        required=False,
        label="Remove the key",
    )

    class Meta:
        model = Provider
        fields = ("name", "kind", "default_model", "max_concurrent", "base_url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.sealed_key:
            self.fields.pop("remove_key", None)
        if "default_model" in self.fields:
            known = ((name, "") for name in self.instance.known_models)
            self.fields["default_model"].widget = SuggestedInput(known)

    def clean_key(self) -> str:
        """What is no key is refused, and not repeated."""
        key = str(self.cleaned_data["key"]).strip()
        kind = self.instance.kind or str(self.cleaned_data.get("kind", ""))
        if key and (problem := key_problem(kind, key)):
            raise ValidationError(problem)
        return key

    def clean(self) -> dict[str, Any] | None:
        """A new key and none at all are two wishes."""
        cleaned = super().clean()
        if self.cleaned_data.get("key") and self.cleaned_data.get("remove_key"):
            self.add_error("remove_key", "Give a new key, or remove the old one.")
        return cleaned

    def new_key(self) -> str | None:
        """The key as `services.providers.save` takes it: None leaves it as it is."""
        if self.cleaned_data.get("remove_key"):
            return ""
        return self.cleaned_data.get("key") or None

    def add_error(self, field: str | None, error: Any) -> None:
        """Beside its field, else on top."""
        if field is None and isinstance(error, ValidationError):
            error = placed(self, Provider, error)
        super().add_error(field, error)
