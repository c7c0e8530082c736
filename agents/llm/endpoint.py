"""Where a provider is, and with which key it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from agents.llm.secret import Secret
from agents.policy.endpoint import BASE_URLS, KEYED, url_problem


class Kind(StrEnum):
    """The sorts of provider; `compatible` is any server that speaks OpenAI's chat."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    DEEPSEEK = "deepseek"
    COMPATIBLE = "compatible"
    OLLAMA = "ollama"
    DEMO = "demo"


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
        given = "" if self.kind is Kind.DEMO else base_url
        if problem := url_problem(self.kind, given):
            raise ValueError(problem)
