"""What tokens cost: the hub's own price rows, then a list of public prices, or unknown.

genai-prices is imported with its first use: 28 MB for whoever has native agents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from agents.models import Price

MILLION: Final = Decimal(1_000_000)
# Nobody is paid for these.
FREE: Final = frozenset({"ollama", "demo"})
# The names under which the list knows the vendors.
_LISTED: Final = {"anthropic": "anthropic", "openai": "openai", "deepseek": "deepseek"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """`input` leaves out what the cache gave and took; `output` has the reasoning."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Priced:
    """The cost in USD, None where nobody knows; and who said so."""

    cost: Decimal | None
    by: str


UNKNOWN: Final = Priced(None, "")


def price(provider: str, kind: str, model: str, used: Tokens, at: datetime) -> Priced:
    """What these tokens cost at that time: some prices depend on the hour."""
    if row := _own(provider, model):
        return Priced(_by_row(row, used), "price row")
    if kind in FREE:
        return Priced(Decimal(0), "free of charge")
    return _listed(kind, model, used, at) if kind in _LISTED else UNKNOWN


def _own(provider: str, model: str) -> Price | None:
    """The row that names most: this provider before any, the longer pattern first."""
    rows = Price.objects.filter(provider__in=(provider, ""))
    return max(_matching(rows, model), key=_closeness, default=None)


def _matching(rows: Iterable[Price], model: str) -> Iterable[Price]:
    for row in rows:
        stem = row.model.removesuffix("*")
        if model == row.model or (stem != row.model and model.startswith(stem)):
            yield row


def _closeness(row: Price) -> tuple[bool, bool, int]:
    return bool(row.provider), not row.model.endswith("*"), len(row.model)


def _by_row(row: Price, used: Tokens) -> Decimal:
    def of(tokens: int, rate: Decimal | None) -> Decimal:
        return tokens * (row.input if rate is None else rate)

    total = (
        of(used.input, row.input)
        + of(used.cache_read, row.cache_read)
        + of(used.cache_write, row.cache_write)
        + of(used.output, row.output)
    )
    return (total / MILLION).quantize(Decimal("0.000000001"))


def _listed(kind: str, model: str, used: Tokens, at: datetime) -> Priced:
    import genai_prices

    usage = genai_prices.Usage(
        # In the list's words the input has what came from the cache in it.
        input_tokens=used.input + used.cache_read + used.cache_write,
        cache_read_tokens=used.cache_read,
        cache_write_tokens=used.cache_write,
        output_tokens=used.output,
    )
    try:
        found = genai_prices.calc_price(
            usage,
            model_ref=model,
            provider_id=_LISTED[kind],
            genai_request_timestamp=at,
        )
    except LookupError:
        return UNKNOWN
    version = getattr(genai_prices, "__version__", "")
    cost = found.total_price.quantize(Decimal("0.000000001"))
    return Priced(cost, f"genai-prices {version}".strip())
