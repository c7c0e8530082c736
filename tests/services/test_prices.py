"""Who is asked what tokens cost, in which order, and what nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest

from agents.models import Price
from agents.services import prices
from agents.services.prices import Priced, Tokens

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)
MILLION = Tokens(input=1_000_000)
ALL = Tokens(input=500_000, cache_read=300_000, cache_write=200_000, output=100_000)


def row(provider: str, model: str, rate: str = "1", **more: Any) -> Price:
    return Price.objects.create(
        provider=provider, model=model, input=rate, output=rate, **more
    )


def priced(
    model: str = "claude-sonnet-4-5",
    used: Tokens = MILLION,
    *,
    kind: str = "anthropic",
    at: datetime = NOON,
    reported: str | None = None,
) -> Priced:
    said = None if reported is None else Decimal(reported)
    return prices.price("ours", kind, model, used, at, said)


def listed(model: str, kind: str) -> list[Decimal]:
    """What the list says of a million: input, cache read and written, output."""
    found = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=1),
        model,
        provider_id=kind,
        genai_request_timestamp=NOON,
    ).model_price
    rates = []
    for name in ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok"):
        rate = getattr(found, name) or found.input_mtok
        assert isinstance(rate, Decimal), f"{model} has tiers by now: take another"
        rates.append(rate)
    return rates


# The hub's own rows


def test_the_row_that_says_most_wins() -> None:
    """Each row added says more than all before it."""
    for cost, (provider, model) in enumerate(
        [
            ("", "*"),
            ("", "claude*"),
            ("", "claude-sonnet*"),
            ("", "claude-sonnet-4-5"),
            ("ours", "*"),
            ("ours", "claude-sonnet*"),
            ("ours", "claude-sonnet-4*"),
            ("ours", "claude-sonnet-4-5"),
        ],
        start=1,
    ):
        row(provider, model, str(cost))
        assert priced() == Priced(Decimal(cost), "price row"), (provider, model)


def test_rows_of_others_and_other_models_are_none_of_its_business() -> None:
    row("theirs", "claude-sonnet-4-5", "7")
    row("ours", "claude-opus*", "8")
    row("ours", "claude-sonnet", "9")
    assert priced().by.startswith("genai-prices")


def test_a_row_goes_before_what_the_vendor_says_and_before_free() -> None:
    row("", "*", "3")
    assert priced(reported="5").cost == 3
    assert priced(kind="ollama").cost == 3


def test_what_a_row_leaves_empty_costs_as_much_as_input() -> None:
    row("ours", "claude*", "2", cache_read="0.2")
    cost = Decimal("0.5") * 2 + Decimal("0.3") * Decimal("0.2") + Decimal("0.3") * 2
    assert priced(used=ALL).cost == cost


def test_a_price_of_nothing_is_a_price() -> None:
    row("ours", "*", "0")
    assert priced(model="of-our-own") == Priced(Decimal(0), "price row")


# The vendor's own word


def test_the_vendors_word_goes_before_the_list() -> None:
    assert priced(reported="0.000734") == Priced(Decimal("0.000734"), "vendor")


@pytest.mark.parametrize("nonsense", ["NaN", "Infinity", "-1", "1e30"])
def test_a_word_that_is_no_price_is_not_believed(nonsense: str) -> None:
    assert priced(reported=nonsense).by.startswith("genai-prices")


# The public list


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("anthropic", "claude-opus-4-5"),
        ("openai", "gpt-4o-mini"),
        ("deepseek", "deepseek-chat"),
    ],
)
def test_each_token_is_paid_once_by_its_own_rate(kind: str, model: str) -> None:
    rates = listed(model, kind)
    counts = (ALL.input, ALL.cache_read, ALL.cache_write, ALL.output)
    each = [n * rate / 1_000_000 for n, rate in zip(counts, rates, strict=True)]
    found = priced(model, ALL, kind=kind)
    cost = sum(each, Decimal(0))
    assert found == Priced(cost, f"genai-prices {genai_prices.__version__}")
    assert rates[1] < rates[0], "what came from the cache is cheaper"
    assert isinstance(found.cost, Decimal)


def test_reasoning_is_a_part_of_the_output_and_not_paid_twice() -> None:
    bare, thought = Tokens(output=1000), Tokens(output=1000, reasoning=900)
    assert priced(used=bare) == priced(used=thought)


def test_the_hour_counts_where_the_vendor_has_night_rates() -> None:
    model = "deepseek-v4-pro"
    noon = priced(model, kind="deepseek").cost
    night = priced(model, kind="deepseek", at=NIGHT).cost
    assert noon is not None
    assert night == 2 * noon


# What nobody knows


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("openai", "gpt-6.2-sol"),
        ("openai", "claude-sonnet-4-5"),
        ("anthropic", "no-such-model"),
        ("anthropic", ""),
        ("compatible", "gpt-4o-mini"),
    ],
)
def test_a_model_that_no_list_has_is_unknown_and_not_free(
    kind: str, model: str
) -> None:
    assert priced(model, kind=kind) == Priced(None, "")


@pytest.mark.parametrize("model", ["gpt-live-1", "moderation"])
def test_a_model_listed_without_a_price_for_tokens_is_unknown(model: str) -> None:
    assert genai_prices.calc_price(
        genai_prices.Usage(input_tokens=10**6), model, provider_id="openai"
    ).total_price == Decimal(0)
    assert priced(model, kind="openai").cost is None


def test_what_uses_input_only_needs_no_price_for_output() -> None:
    assert priced("text-embedding-3-small", kind="openai").cost == Decimal("0.02")
    used = Tokens(input=1, output=1)
    assert priced("text-embedding-3-small", used, kind="openai").cost is None


@pytest.mark.parametrize("kind", ["ollama", "demo"])
def test_ones_own_machine_costs_nothing(kind: str) -> None:
    assert priced("llama4", kind=kind) == Priced(Decimal(0), "free of charge")
