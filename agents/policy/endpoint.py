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
# What the hub may be started with in place of a row's own.
KEY_VARIABLES: Final = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
}
URL_VARIABLES: Final = {
    "anthropic": "ANTHROPIC_BASE_URL",
    "openai": "OPENAI_BASE_URL",
    "deepseek": "DEEPSEEK_BASE_URL",
    "ollama": "OLLAMA_HOST",
}
LONGEST_KEY: Final = 10_000


def url_problem(kind: str, url: str) -> str | None:
    """Why a provider of this kind cannot be at this address; empty is the vendor's."""
    if kind == "demo":
        return "The demo has no address: leave it empty." if url else None
    if not url:
        return None if kind in BASE_URLS else "Give the server's base URL."
    # The standard library reads an address as if some of these were not there.
    if not all("!" <= letter <= "~" for letter in url):
        return "The base URL must not have spaces or letters outside ASCII."
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


def key_problem(kind: str, key: str) -> str | None:
    """Why this cannot be the key of such a provider. Never says the key."""
    if kind == "demo":
        return "The demo needs no key: leave it empty."
    if len(key) > LONGEST_KEY:
        return f"A key has {LONGEST_KEY:,} characters at most. Is this the right file?"
    if not all("!" <= letter <= "~" for letter in key):
        return (
            "The key has characters that no key has (a space, a line break or a "
            "letter outside ASCII): copy it again."
        )
    return None


def ollama_url(host: str) -> str:
    """The address that OLLAMA_HOST means: a URL, a host, or where a server listens."""
    if "://" in host:
        return host
    parts = urlsplit(f"http://{host}")
    # All addresses of a machine are for listening; this one is asked.
    name = parts.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{parts.port or 11434}{parts.path}"
