"""Words of the description as HTML: what stands in backticks is code."""

from __future__ import annotations

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe


def marked(text: str) -> SafeString:
    """Safe whatever the text holds; a backtick alone stays one."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    html = (
        f"<code>{escape(part)}</code>" if at % 2 else str(escape(part))
        for at, part in enumerate(parts)
    )
    return mark_safe("".join(html))
