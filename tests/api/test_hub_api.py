"""What holds for every route, and stands in the description of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness.addresses import addresses
from tests.harness.world import make_world


@pytest.mark.parametrize("body", [b"\xff", b"{", b'{"wait": 1', b"\x00"])
def test_a_body_that_is_no_json_is_unreadable_everywhere_and_described_so(
    body: bytes, db: None, data: Path
) -> None:
    world = make_world()
    program: Any = world.program("root to configure")
    found = 0
    for one in addresses(world.examples):
        for method, operation in one.operations.items():
            described = 400 in operation["responses"]
            assert described == ("requestBody" in operation), one
            if described:
                found += 1
                ask = getattr(program, method.lower())
                response = ask(one.path, data=body, content_type="application/json")
                assert response.status_code == 400, (one, response.content)
                assert response["Content-Type"] == "application/problem+json"
                assert response.json()["type"].endswith(":unreadable")
    assert found >= 5
