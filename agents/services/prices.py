"""What tokens cost: the hub's own price rows, what the vendor says, public prices.

What none of them knows is unknown, and never 0. genai-prices is imported with its
first use: 0.2 s and 28 MB for whoever has native agents; it asks no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from agents.models import Price

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

MILLION: Final = Decimal(1_000_000)
# Costs are kept to a billionth of a USD: a token may cost less than a millionth.
SMALLEST: Final = Decimal("0.000000001")
# What a column holds. A vendor who reports more has reported nonsense.
MOST: Final = Decimal(10**9)
# Nobody is paid for these.
FREE: Final = frozenset({"ollama", "demo"})
# The vendors whose own prices are listed, under the same names as here.
LISTED: Final = frozenset({"anthropic", "openai", "deepseek"})


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


def price(
    provider: str,
    kind: str,
    model: str,
    used: Tokens,
    at: datetime,
    reported: Decimal | None = None,
) -> Priced:
    """What these tokens cost at that time: some prices depend on the hour.

    `reported`: what the vendor says that it costs, in USD.
    """
    if row := _own(provider, model):
        return Priced(_by_row(row, used), "price row")
    if kind in FREE:
        return Priced(Decimal(0), "free of charge")
    if reported is not None and reported.is_finite() and 0 <= reported < MOST:
        return Priced(reported.quantize(SMALLEST), "vendor")
    return _listed(kind, model, used, at) if kind in LISTED else UNKNOWN


def _own(provider: str, model: str) -> Price | None:
    """The row that says most: this provider before any, a name before a pattern,
    the longer pattern before the shorter."""
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
    return (total / MILLION).quantize(SMALLEST)


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
            usage, model_ref=model, provider_id=kind, genai_request_timestamp=at
        )
    except LookupError:
        return UNKNOWN
    if not _prices_all(found, used):
        return UNKNOWN
    cost = found.total_price.quantize(SMALLEST)
    return Priced(cost, f"genai-prices {genai_prices.__version__}")


def _prices_all(found: PriceCalculation, used: Tokens) -> bool:
    """Some models are listed by the hour of audio or not at all: their tokens would
    come out as free."""
    prices = found.model_price
    taken = used.input or used.cache_read or used.cache_write
    return not (taken and prices.input_mtok is None) and not (
        used.output and prices.output_mtok is None
    )
