"""What a run has written: as text to read on, and as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from agents.api.answers import answers
from agents.api.callers import needs_for
from agents.api.chosen import the_agent
from agents.api.problems import Problem
from agents.api.schemas.logs import LogIn, LogOut
from agents.models import Run
from agents.services import log_text
from agents.services.logs import default_log_store

router = Router()
BYTES: Final = "application/octet-stream"
_NUMBER: Final = {"required": True, "schema": {"type": "integer", "minimum": 0}}
HEADERS: Final[dict[str, Any]] = {
    "AgentHub-Offset": _NUMBER,
    "AgentHub-Next-Offset": _NUMBER,
    "AgentHub-EOF": {
        "required": True,
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
}


@router.get(
    "agents/{name}/logs", response=answers(LogOut, 404, 409), summary="Its output"
)
def logs(request: HttpRequest, name: str, asked: Query[LogIn]) -> dict[str, Any]:
    """A piece of one run's output as text; begin anywhere, read on for ever."""
    needs_for(request, name)
    run = _run(name, asked)
    told = {"run": run and run.number, "stream": asked.stream}
    if run is None:
        return told | {"offset": 0, "next_offset": 0, "eof": True, "data": ""}
    with _readable():
        text = log_text.read(
            default_log_store(),
            run.folder,
            asked.stream,
            _begin(run, asked),
            asked.limit,
            final=run.ended_at is not None,
        )
    return told | {
        "offset": text.offset,
        "next_offset": text.next_offset,
        "eof": text.eof,
        "data": text.data,
    }


@router.get(
    "agents/{name}/logs/raw",
    response=answers(None, 404, 409),
    summary="Its output, the bytes as written",
    openapi_extra={
        "responses": {
            200: {
                "headers": HEADERS,
                "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}},
            }
        }
    },
)
def raw(request: HttpRequest, name: str, asked: Query[LogIn]) -> HttpResponse:
    """Where it began and where to read on stand in the headers."""
    needs_for(request, name)
    run = _run(name, asked)
    data, offset, after, eof = b"", 0, 0, True
    if run is not None:
        with _readable():
            begin = _begin(run, asked)
            store = default_log_store()
            chunk = store.read(run.folder, asked.stream, begin, asked.limit)
        data, offset, after = chunk.data, chunk.offset, chunk.next_offset
        eof = chunk.eof
    headers = {
        "AgentHub-Offset": str(offset),
        "AgentHub-Next-Offset": str(after),
        "AgentHub-EOF": "true" if eof else "false",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(data, content_type=BYTES, headers=headers)


def _run(name: str, asked: LogIn) -> Run | None:
    """The run that is meant; None where the agent has never run."""
    runs = Run.objects.filter(agent=the_agent(name)).defer("setup")
    if asked.run is None:
        return runs.order_by("-number").first()
    found = runs.filter(number=asked.run).first()
    if found is None:
        raise Problem(404, f"{name} has no run {asked.run}. GET agents/{name}/runs.")
    return found


def _begin(run: Run, asked: LogIn) -> int:
    if asked.offset is not None:
        return asked.offset
    if asked.tail is None:
        return 0
    store = default_log_store()
    return store.tail_offset(run.folder, asked.stream, asked.tail)


@contextmanager
def _readable() -> Iterator[None]:
    """The agent may have put something else in the place of its output."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise Problem(409, f"The output cannot be read: {error}.") from error
