"""What a route says that it may answer, in the words of the OpenAPI description."""

from __future__ import annotations

from typing import Any

from agents.api.problems import ProblemOut


def answers(model: Any, *refusals: int, status: int = 200) -> dict[int, Any]:
    """The `response` of a route: what it answers, and which problems it may raise.

    Those of any route are added: nobody, not allowed, invalid, too many, no database.
    """
    every = {401, 403, 422, 429, 503, *refusals}
    return {status: model} | dict.fromkeys(sorted(every), ProblemOut)
