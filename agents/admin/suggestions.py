"""A line of text with suggestions, of which none has to be taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# A browser lists them all: beyond this nobody looks for one by eye.
MOST: Final = 500


class SuggestedInput(forms.TextInput):
    """An input with a `<datalist>`. `options`: each value with a word about it."""

    def __init__(self, options: Iterable[tuple[str, str]]) -> None:
        super().__init__(attrs={"class": "vTextField", "autocomplete": "off"})
        self.options = list(options)[:MOST]

    def render(
        self,
        name: str,
        value: Any,
        attrs: Mapping[str, Any] | None = None,
        renderer: Any = None,
    ) -> SafeString:
        """The input, and the list that it names."""
        list_id = f"list_{name}"
        given = {**(attrs or {}), "list": list_id}
        return format_html(
            '{}<datalist id="{}">{}</datalist>',
            super().render(name, value, given, renderer),
            list_id,
            format_html_join("", '<option value="{}">{}</option>', self.options),
        )
