"""What holds for every route, and stands in the description of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ninja import Schema

from tests.harness.addresses import addresses
from tests.harness.world import make_world


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"\xff", 400, "unreadable"),
        (b"{", 400, "unreadable"),
        (b'{"wait": 1', 400, "unreadable"),
        (b"\x00", 400, "unreadable"),
        (b"[" * 100_000, 400, "unreadable"),
        (b" " * (3 << 20), 413, "too-large"),
    ],
)
def test_a_body_that_is_no_json_or_too_large_is_refused_everywhere_and_described_so(
    body: bytes, status: int, kind: str, db: None, data: Path
) -> None:
    world = make_world()
    program: Any = world.program("root to configure")
    found = 0
    for one in addresses(world.examples):
        for method, operation in one.operations.items():
            described = status in operation["responses"]
            assert described == ("requestBody" in operation), one
            if described:
                found += 1
                ask = getattr(program, method.lower())
                response = ask(one.path, data=body, content_type="application/json")
                assert response.status_code == status, (one, response.content)
                assert response["Content-Type"] == "application/problem+json"
                assert response.json()["type"].endswith(f":{kind}")
    assert found >= 5


def test_no_two_shapes_have_one_name() -> None:
    """The description would give the one for the other."""
    found: dict[str, set[str]] = {}
    left: list[type[Schema]] = [Schema]
    while left:
        for one in left.pop().__subclasses__():
            left.append(one)
            if one.__module__.startswith("agents.api.") and "[" not in one.__name__:
                found.setdefault(one.__name__, set()).add(one.__module__)
    assert {name: rooms for name, rooms in found.items() if len(rooms) > 1} == {}
    assert len(found) > 20
