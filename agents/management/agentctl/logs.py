"""`agents logs`: what a run wrote, as written; following it over restarts."""

from __future__ import annotations

import codecs
import json
import select
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agents.management.agentctl import matching, selection
from agents.management.agentctl.terminal import Terminal
from agents.models import Agent, Run
from agents.services.changes import Glance
from agents.services.logs import MAX_READ, STREAMS, Chunk, LogStore, default_log_store

EVERY: Final = 0.1


def show_logs(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Print a run's output, and go on if wanted; the exit code.

    Ctrl-C is how following ends: nothing has failed, so the code is 0.
    """
    chosen = selection.by_name([options["name"]])
    for problem in chosen.unknown.values():
        terminal.note(problem)
        return 1
    (agent,) = chosen.agents
    run = _run(agent, options["run"])
    if run is None and options["run"] is not None:
        terminal.note(_no_such_run(agent, options["run"]))
        return 1
    try:
        if options["follow"]:
            _Following(agent, run, options, terminal).go_on()
        elif options["grep"] is not None:
            matching.print_matches(agent, run, options, terminal)
        elif terminal.as_json:
            _print_json(run, options, terminal)
        else:
            _print(agent, run, options, terminal)
    except KeyboardInterrupt:
        return 0
    except (OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        terminal.note(f"The output cannot be read: {error}")
        return 1
    return 0


def _run(agent: Agent, number: int | None) -> Run | None:
    runs = Run.objects.filter(agent=agent).defer("setup").order_by("-number")
    return (runs if number is None else runs.filter(number=number)).first()


def _no_such_run(agent: Agent, number: int) -> str:
    numbers = Run.objects.filter(agent=agent).order_by("number")
    known = list(numbers.values_list("number", flat=True))
    if not known:
        return f"{agent.name} has never run."
    return f"{agent.name} has no run {number}. Its runs: {known[0]} to {known[-1]}."


def _begin(store: LogStore, run: Run, stream: str, tail: int | None) -> int:
    return 0 if tail is None else store.tail_offset(run.folder, stream, tail)


def _print(
    agent: Agent, run: Run | None, options: Mapping[str, Any], terminal: Terminal
) -> None:
    if run is None:
        terminal.note(f"{agent.name} has never run.")
        return
    store = default_log_store()
    for stream in [options["stream"]] if options["stream"] else STREAMS:
        offset = _begin(store, run, stream, options["tail"])
        # What is written from now on is for --follow: an end must be reached.
        end = store.extent(run.folder, stream).end
        while offset < end:
            chunk = store.read(run.folder, stream, offset, min(MAX_READ, end - offset))
            if not chunk.data:
                break
            terminal.raw(chunk.data)
            offset = chunk.next_offset


def _print_json(
    run: Run | None, options: Mapping[str, Any], terminal: Terminal
) -> None:
    """One stream whole, in the API's shape.

    Written as it is read: the text may be larger than memory.
    """
    stream = options["stream"] or STREAMS[0]
    if run is None:
        terminal.json(_shape(None, stream, 0, 0, True, ""))
        return
    store = default_log_store()
    begin = _begin(store, run, stream, options["tail"])
    end = store.extent(run.folder, stream).end
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    chunk = store.read(run.folder, stream, begin, max(1, min(MAX_READ, end - begin)))
    # The text is the one value that is not at hand yet: it is written into its place.
    shape = _shape(run.number, stream, chunk.offset, 0, False, "")
    before, _, _ = json.dumps(shape, indent=2).partition('"next_offset"')
    terminal.out.write(f'{before}"data": "')
    while True:
        terminal.out.write(json.dumps(decoder.decode(chunk.data))[1:-1])
        if chunk.next_offset >= end or not chunk.data:
            break
        wanted = min(MAX_READ, end - chunk.next_offset)
        chunk = store.read(run.folder, stream, chunk.next_offset, wanted)
    rest = json.dumps(decoder.decode(b"", final=True))[1:-1]
    eof = json.dumps(chunk.eof)
    terminal.out.write(
        f'{rest}",\n  "next_offset": {chunk.next_offset},\n  "eof": {eof}\n}}\n'
    )


def _shape(
    run: int | None, stream: str, offset: int, after: int, eof: bool, data: str
) -> dict[str, Any]:
    return {
        "run": run,
        "stream": stream,
        "offset": offset,
        "next_offset": after,
        "eof": eof,
        "data": data,
    }


class _Following:
    """Reads both streams of a run to their ends, again and again, then the next run's.

    With `--run` it stays with that run and ends with it.
    """

    def __init__(
        self,
        agent: Agent,
        run: Run | None,
        options: Mapping[str, Any],
        terminal: Terminal,
    ) -> None:
        self._agent = agent
        self._terminal = terminal
        self._stays = options["run"] is not None
        self._streams: Sequence[str] = (
            [options["stream"]] if options["stream"] else STREAMS
        )
        self._store = default_log_store()
        self._glance = Glance()
        self._run = run
        self._ended = False
        self._next: Run | None = None
        self._offsets = {
            stream: _begin(self._store, run, stream, options["tail"]) if run else 0
            for stream in self._streams
        }
        self._decoders = self._new_decoders()

    def go_on(self) -> None:
        """Until there can be no more, or somebody interrupts."""
        while True:
            # Looked at first: a run that has ended by now has written its last.
            if self._glance.anything_new():
                self._look()
            if self._run is not None:
                for stream in self._streams:
                    self._drain(self._run, stream)
            if self._ended:
                return
            if self._next is not None:
                self._run, self._next = self._next, None
                self._offsets = dict.fromkeys(self._streams, 0)
                self._decoders = self._new_decoders()
                self._glance = Glance()
            else:
                self._pause()

    def _new_decoders(self) -> dict[str, codecs.IncrementalDecoder]:
        make = codecs.getincrementaldecoder("utf-8")
        return {stream: make(errors="replace") for stream in self._streams}

    def _look(self) -> None:
        """Whether there is a newer run, or no more can come."""
        if self._stays and self._run is not None:
            self._ended = not Run.objects.filter(
                pk=self._run.pk, ended_at=None
            ).exists()
            return
        after = self._run.number if self._run else 0
        later = Run.objects.filter(agent=self._agent, number__gt=after)
        self._next = later.defer("setup").order_by("number").first()
        if self._next is None:
            self._ended = not Agent.objects.filter(pk=self._agent.pk).exists()

    def _drain(self, run: Run, stream: str) -> None:
        while True:
            chunk = self._store.read(
                run.folder, stream, self._offsets[stream], MAX_READ
            )
            self._offsets[stream] = chunk.next_offset
            if chunk.data:
                self._show(run, chunk)
            if chunk.eof or not chunk.data:
                return

    def _show(self, run: Run, chunk: Chunk) -> None:
        if not self._terminal.as_json:
            self._terminal.raw(chunk.data)
            return
        # A letter that is not written whole yet belongs to the next line.
        decoder = self._decoders[chunk.stream]
        held = len(decoder.getstate()[0])
        text = decoder.decode(chunk.data)
        left = len(decoder.getstate()[0])
        if text:
            first, after = chunk.offset - held, chunk.next_offset - left
            shape = _shape(run.number, chunk.stream, first, after, chunk.eof, text)
            self._terminal.raw(json.dumps(shape).encode() + b"\n")

    def _pause(self) -> None:
        """Wait a little; notice at once when the reader of a pipe has gone."""
        descriptor = self._terminal.descriptor
        if descriptor is None:
            time.sleep(EVERY)
            return
        poller = select.poll()
        poller.register(descriptor, 0)
        if poller.poll(EVERY * 1000):
            raise BrokenPipeError
