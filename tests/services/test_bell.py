"""The doorbell: prompt from any thread, and never a reason for an error."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer, get_channel_layer
from pytest_django import Settings

from agents.services import bell

SENT: list[tuple[str, dict[str, Any]]] = []


class HearingLayer(BaseChannelLayer):
    """Stands for a layer that reaches other processes, as Redis does."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        SENT.append((channel, message))


class FullLayer(HearingLayer):
    async def send(self, channel: str, message: dict[str, Any]) -> None:
        raise ChannelFull


class BrokenLayer(HearingLayer):
    async def send(self, channel: str, message: dict[str, Any]) -> None:
        raise ConnectionRefusedError("nobody listens")


def use_layer(settings: Settings, backend: str | None) -> None:
    layer = {"default": {"BACKEND": backend}} if backend else {}
    settings.CHANNEL_LAYERS = layer
    SENT.clear()


@pytest.fixture(autouse=True)
def nobody_answers() -> Iterator[None]:
    yield
    bell.stop_answering("local")


class Listener:
    """A loop that sleeps in a thread of its own until it is woken."""

    def __init__(self) -> None:
        self.woken = threading.Event()
        self.woken_in: set[int | None] = set()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def wake(self) -> None:
        self.woken_in.add(threading.get_ident())
        self.woken.set()

    @property
    def thread_id(self) -> int | None:
        return self._thread.ident

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)
        self.loop.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    if not found.loop.is_closed():
        found.close()


# Inside one process


def test_a_ring_from_a_plain_thread_wakes_a_sleeping_loop_at_once(
    listener: Listener,
) -> None:
    bell.answer("local", listener.loop, listener.wake)
    time.sleep(0)  # It has nothing to do: it waits in its selector.
    begun = time.monotonic()
    thread = threading.Thread(target=bell.ring, args=["local"])
    thread.start()
    assert listener.woken.wait(timeout=5)
    assert time.monotonic() - begun < 0.5
    thread.join()
    assert listener.woken_in == {listener.thread_id}


def test_a_ring_from_the_loop_itself_is_heard() -> None:
    async def ring_and_wait() -> None:
        woken = asyncio.Event()
        bell.answer("local", asyncio.get_running_loop(), woken.set)
        bell.ring("local")
        await asyncio.wait_for(woken.wait(), timeout=5)

    asyncio.run(ring_and_wait())


def test_a_ring_is_for_one_node(listener: Listener) -> None:
    bell.answer("local", listener.loop, listener.wake)
    bell.ring("other")
    bell.ring("local")
    assert listener.woken.wait(timeout=5)
    listener.woken.clear()
    bell.ring("other")
    heard = threading.Event()
    listener.loop.call_soon_threadsafe(heard.set)
    assert heard.wait(timeout=5)
    assert not listener.woken.is_set()


def test_who_has_stopped_answering_is_not_woken(listener: Listener) -> None:
    bell.answer("local", listener.loop, listener.wake)
    bell.stop_answering("local")
    bell.stop_answering("local")
    bell.ring("local")
    heard = threading.Event()
    listener.loop.call_soon_threadsafe(heard.set)
    assert heard.wait(timeout=5)
    assert not listener.woken.is_set()


def test_a_supervisor_in_this_process_needs_no_layer(
    listener: Listener, settings: Settings
) -> None:
    use_layer(settings, "tests.services.test_bell.HearingLayer")
    bell.answer("local", listener.loop, listener.wake)
    bell.ring("local")
    assert listener.woken.wait(timeout=5)
    assert SENT == []


def test_a_loop_that_has_closed_is_forgotten(
    listener: Listener, settings: Settings
) -> None:
    use_layer(settings, "tests.services.test_bell.HearingLayer")
    bell.answer("local", listener.loop, listener.wake)
    listener.close()
    bell.ring("local")
    assert SENT == []
    bell.ring("local")
    assert [channel for channel, _ in SENT] == ["supervisor.local"]


def test_a_thousand_rings_from_ten_threads_do_no_harm(listener: Listener) -> None:
    bell.answer("local", listener.loop, listener.wake)

    def ring() -> None:
        for _ in range(100):
            bell.ring("local")

    threads = [threading.Thread(target=ring) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert listener.woken.wait(timeout=5)


# To other processes


def test_a_ring_goes_to_the_channel_of_its_node(settings: Settings) -> None:
    use_layer(settings, "tests.services.test_bell.HearingLayer")
    bell.ring("east")
    assert SENT == [("supervisor.east", {"type": "supervisor.wake"})]


@pytest.mark.parametrize(
    "backend",
    [
        None,
        "channels.layers.InMemoryChannelLayer",
        "tests.services.test_bell.FullLayer",
        "tests.services.test_bell.BrokenLayer",
        "package_that_is.not_installed.Layer",
    ],
)
def test_a_ring_never_raises(
    settings: Settings, backend: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The wish is recorded when it rings: an error now would deny that."""
    use_layer(settings, backend)
    with caplog.at_level(logging.WARNING):
        bell.ring("local")
    broken = backend is not None and ("Broken" in backend or "not_inst" in backend)
    expected = ["the channel layer cannot be reached"] if broken else []
    assert [record.getMessage() for record in caplog.records] == expected


# The knock that brings the consumer to life


def test_a_knock_waits_for_the_consumer_in_the_channel(settings: Settings) -> None:
    use_layer(settings, "channels.layers.InMemoryChannelLayer")

    async def knock_and_receive() -> dict[str, Any]:
        await bell.knock("local")
        layer = get_channel_layer()
        assert layer is not None
        heard: dict[str, Any] = await asyncio.wait_for(
            layer.receive(bell.channel_name("local")), timeout=5
        )
        return heard

    assert asyncio.run(knock_and_receive()) == bell.WAKE


def test_a_knock_without_a_layer_says_what_is_missing(settings: Settings) -> None:
    use_layer(settings, None)
    with pytest.raises(RuntimeError, match="CHANNEL_LAYERS has no default layer"):
        asyncio.run(bell.knock("local"))


def test_what_is_sent_is_never_the_shared_message_itself(settings: Settings) -> None:
    use_layer(settings, "tests.services.test_bell.HearingLayer")
    bell.ring("local")
    SENT[0][1]["type"] = "changed"
    assert bell.WAKE == {"type": "supervisor.wake"}
