"""How a request failed: a kind to act on, and words for people without any key."""

from __future__ import annotations

from dataclasses import dataclass

from agents.policy.provider_retry import WORDS, ErrorKind

LONGEST_TEXT = 500
# Of a page without any space this much is looked at.
LONGEST_READ = 10_000


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure. `text` is what the provider said; `retry_after` in seconds."""

    kind: ErrorKind
    text: str = ""
    status: int | None = None
    code: str = ""
    retry_after: float | None = None
    request_id: str = ""

    def __str__(self) -> str:
        said = f": {self.text}" if self.text else ""
        status = f" (HTTP {self.status})" if self.status else ""
        return f"{WORDS[self.kind]}{said}{status}"


class ProviderError(Exception):
    """Raised by a provider's attempt; never leaves agents.llm."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def shortened(text: str) -> str:
    """On one line, no longer than a person will read, of letters that can be stored."""
    letters = (one if one.isprintable() else " " for one in text[:LONGEST_READ])
    line = " ".join("".join(letters).split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"
