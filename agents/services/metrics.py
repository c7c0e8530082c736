"""Figures of the hub for Prometheus, as its text format 0.0.4 has them.

What may enter: what is worth a curve over time. A few queries, however many agents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agents.models import Agent
from agents.policy.states import Status
from agents.services import changes, hub_health, nodes, task_list, usage
from agents.services.task_shapes import TOKENS

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure and what tells it from others of its family."""

    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """Figures of one name; `kind` is `gauge` or `counter`."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def text() -> str:
    """All figures as they are now."""
    return "".join(_written(family) for family in families())


def families() -> Iterator[Family]:
    """Each figure's name, meaning and values; those of one name stand together."""
    yield _one(
        "supervisor_up",
        "gauge",
        "1 while a supervisor is at work on the hub's machine.",
        float(nodes.is_supervised(hub_health.OWN_NODE)),
    )
    yield _one(
        "change_seq",
        "counter",
        "The number of the latest recorded change.",
        changes.latest(),
    )
    yield from _of_agents()
    counts = task_list.counts()
    del counts["all"]
    yield Family(
        "tasks",
        "gauge",
        "Tasks by state.",
        tuple(Sample(number, {"state": state}) for state, number in counts.items()),
    )
    yield from _of_models()


def _of_agents() -> Iterator[Family]:
    rows = list(
        Agent.objects.order_by("name").values_list(
            "name", "status", "pid", "restarts_total", "cpu_percent", "rss_bytes"
        )
    )
    counts = Counter(row[1] for row in rows)
    yield Family(
        "agents",
        "gauge",
        "Agents by status.",
        tuple(Sample(counts[one.value], {"status": one.value}) for one in Status),
    )
    yield Family(
        "agent_up",
        "gauge",
        "1 while the agent is running.",
        tuple(
            Sample(float(status == Status.RUNNING), {"agent": name})
            for name, status, *_ in rows
        ),
    )
    yield Family(
        "agent_restarts_total",
        "counter",
        "Automatic restarts of the agent; never reset.",
        tuple(Sample(row[3], {"agent": row[0]}) for row in rows),
    )
    # The latest sample of a past run is no news.
    alive = [row for row in rows if row[2] is not None]
    yield Family(
        "agent_cpu_percent",
        "gauge",
        "CPU of all the agent's processes; 100 is one core.",
        tuple(Sample(row[4], {"agent": row[0]}) for row in alive if row[4] is not None),
    )
    yield Family(
        "agent_resident_memory_bytes",
        "gauge",
        "Resident memory of all the agent's processes.",
        tuple(Sample(row[5], {"agent": row[0]}) for row in alive if row[5] is not None),
    )


def _of_models() -> Iterator[Family]:
    lines = usage.by_model_ever()
    told = [({"provider": one.provider, "model": one.model}, one.sums) for one in lines]
    yield Family(
        "tokens_total",
        "counter",
        "Tokens by model and kind; those of reasoning are in output as well.",
        tuple(
            Sample(getattr(sums, kind), labels | {"kind": kind})
            for labels, sums in told
            for kind in TOKENS
        ),
    )
    yield Family(
        "cost_usd_total",
        "counter",
        "USD by model, of the requests whose price is known.",
        tuple(Sample(float(sums.known), labels) for labels, sums in told),
    )
    yield Family(
        "unpriced_requests_total",
        "counter",
        "Requests by model whose price nobody knows: their cost is in no sum.",
        tuple(Sample(sums.unpriced, labels) for labels, sums in told),
    )


def _one(name: str, kind: str, help: str, value: float) -> Family:
    return Family(name, kind, help, (Sample(value, {}),))


def _written(family: Family) -> str:
    name = f"agenthub_{family.name}"
    lines = [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
    lines += [
        f"{name}{_labels(sample.labels.items())} {_number(sample.value)}"
        for sample in family.samples
    ]
    return "\n".join(lines) + "\n"


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    told = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in labels)
    return f"{{{told}}}" if told else ""


def _number(value: float) -> str:
    """As short as it can be without a digit lost: byte counts are whole."""
    return repr(int(value)) if value == int(value) else repr(float(value))
