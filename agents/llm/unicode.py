"""Text that can be sent and stored: servers and file names bring halves of pairs."""

from __future__ import annotations

import json
from typing import Any


def well_formed(text: str) -> str:
    """The text with halves of surrogate pairs joined, and lone ones replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        pairs = text.encode("utf-16-le", "surrogatepass")
        return pairs.decode("utf-16-le", "replace")
    return text


def well_formed_json(value: Any) -> Any:
    """The same for all text in a JSON value."""
    text = json.dumps(value, ensure_ascii=False)
    mended = well_formed(text)
    return value if mended is text else json.loads(mended)
