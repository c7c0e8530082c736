"""What may stand as a provider's address, and where vendors have theirs."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

BASE_URLS: Final = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
    "deepseek": "https://api.deepseek.com",
    "ollama": "http://127.0.0.1:11434",
    "demo": "demo://",
}
# They answer nobody without one.
KEYED: Final = frozenset({"anthropic", "openai", "deepseek"})


def url_problem(kind: str, url: str) -> str | None:
    """Why a provider of this kind cannot be at this address; empty is the vendor's."""
    if kind == "demo":
        return "The demo has no address: leave it empty." if url else None
    if not url:
        return None if kind in BASE_URLS else "Give the server's base URL."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "The base URL cannot be read: check host and port."
    if parts.scheme not in {"http", "https"} or not host:
        return "The base URL must begin with http:// or https:// and a host."
    # A password in an address would be in every log line of the HTTP client.
    if "@" in parts.netloc:
        return "The base URL must not hold a password: set it as the key."
    if parts.query or parts.fragment:
        return "The base URL must not have a query (?…) or a fragment (#…)."
    return None
