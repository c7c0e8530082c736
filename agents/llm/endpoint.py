"""Where a provider is, and with which key it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from agents.llm.secret import Secret


class Kind(StrEnum):
    """The sorts of provider; `compatible` is any server that speaks OpenAI's chat."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    DEEPSEEK = "deepseek"
    COMPATIBLE = "compatible"
    OLLAMA = "ollama"
    DEMO = "demo"


BASE_URLS: Final = {
    Kind.ANTHROPIC: "https://api.anthropic.com",
    Kind.OPENAI: "https://api.openai.com/v1",
    Kind.DEEPSEEK: "https://api.deepseek.com",
    Kind.OLLAMA: "http://127.0.0.1:11434",
    Kind.DEMO: "demo://",
}
KEYED: Final = frozenset({Kind.ANTHROPIC, Kind.OPENAI, Kind.DEEPSEEK})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider's address and key; one client serves each.

    `base_url` may be left out where the kind has one. Raises ValueError, with what to
    change, for what cannot work.
    """

    kind: Kind
    base_url: str = ""
    key: Secret = field(default_factory=Secret, repr=False)

    def __post_init__(self) -> None:
        base_url = self.base_url or BASE_URLS.get(self.kind, "")
        object.__setattr__(self, "base_url", base_url.rstrip("/"))
        if self.kind in KEYED and not self.key:
            raise ValueError(f"{self.kind} needs a key: set one.")
        if self.kind is not Kind.DEMO:
            _check_url(base_url)


def _check_url(url: str) -> None:
    """A password in an address would be in every log line of the HTTP client."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("The base URL cannot be read: check host and port.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("The base URL must begin with http:// or https:// and a host.")
    if "@" in parts.netloc:
        raise ValueError("The base URL must not hold a password: set it as the key.")
    if parts.query or parts.fragment:
        raise ValueError("The base URL must not have a query (?…) or a fragment (#…).")
