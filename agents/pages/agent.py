"""One agent: its page, and its output searched and downloaded."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice

from asgiref.sync import sync_to_async
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from agents.models import Agent
from agents.pages.guards import PageRequest, around, needs
from agents.pages.search import SearchResult, search
from agents.services import agent_detail, output
from agents.services.agent_detail import RunView
from agents.services.logs import STREAMS, default_log_store
from agents.services.output import Piece
from agents.services.permissions import CONFIGURE, VIEW


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """The end of a run's output; `follows`: whether the page goes on with it."""

    run: RunView
    out: Piece
    err: Piece
    follows: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show yet."""
        pieces = (self.out, self.err)
        return not any(piece.html or piece.partial for piece in pieces)


@require_safe
@needs(VIEW)
def agent(request: PageRequest, name: str) -> HttpResponse:
    """Everything about one agent, and its output live."""
    context = around(request)
    pk = get_object_or_404(Agent.every.only("pk"), name=name).pk
    detail = agent_detail.detail(pk)
    if detail is None:
        raise Http404(name)
    run = _chosen_run(request, pk, detail.run)
    context |= {
        "detail": detail,
        "output": _output(name, run, detail.run) if run else None,
        "found": _found(request, name, run),
        "ask_address": reverse("agent-ask", args=[name]),
        "ask_key": uuid.uuid4().hex,
        "setup_link": reverse("admin:agents_agent_change", args=[pk])
        if request.user.has_perm(CONFIGURE)
        and request.user.is_staff
        and not (detail.row.internal or detail.row.external)
        else "",
    }
    return render(request, "agents/agent.html", context)


@require_safe
@needs(VIEW)
def search_output(request: PageRequest, name: str) -> HttpResponse:
    """The lines of one run's output with a text, as a part of the page."""
    pk = get_object_or_404(Agent.every.only("pk"), name=name).pk
    run = _chosen_run(request, pk, agent_detail.latest_run(pk))
    context = {"found": _found(request, name, run)}
    return render(request, "agents/_search.html", context)


@require_safe
@needs(VIEW)
def download(
    request: PageRequest, name: str, number: int, stream: str
) -> StreamingHttpResponse:
    """All that is kept of one stream of a run, as it was written."""
    pk = get_object_or_404(Agent.every.only("pk"), name=name).pk
    run = agent_detail.run_of(pk, number)
    if run is None or stream not in STREAMS:
        raise Http404(f"{name} has no such output")
    try:
        chunks = default_log_store().chunks(run.folder, stream)
    except (OSError, ValueError) as error:
        raise Http404(str(error)) from error
    return StreamingHttpResponse(
        _in_a_thread(chunks),
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{number}.{stream}"'
        },
    )


async def _in_a_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Disk reads must not hold up the server's loop."""
    take = sync_to_async(lambda: list(islice(chunks, 4)), thread_sensitive=False)
    while found := await take():
        yield b"".join(found)


def _chosen_run(
    request: PageRequest, agent_id: int, latest: RunView | None
) -> RunView | None:
    asked = request.GET.get("run", "")
    if not asked.isdecimal() or len(asked) > 9:
        return latest
    if latest is not None and latest.number == int(asked):
        return latest
    run = agent_detail.run_of(agent_id, int(asked))
    if run is None:
        raise Http404(f"there is no run {asked}")
    return run


def _output(name: str, run: RunView, latest: RunView | None) -> ShownOutput:
    store = default_log_store()
    pieces = [
        output.tail(
            store,
            run.folder,
            stream,
            reverse("agent-download", args=[name, run.number, stream]),
            final=not run.live,
        )
        for stream in STREAMS
    ]
    follows = latest is not None and run.number == latest.number
    return ShownOutput(run, pieces[0], pieces[1], follows)


def _found(request: PageRequest, name: str, run: RunView | None) -> SearchResult | None:
    text = request.GET.get("q", "")[:200]
    if run is None or not text:
        return None
    return search(run, text, request.GET.get("stream", ""))
