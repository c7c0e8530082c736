"""When which probe is asked: soon, then in its period, and never too many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agents.policy.clock import boot_seconds
from agents.policy.liveness import Look, Signs
from agents.policy.thresholds import ProbeState
from agents.supervisor.hands import Hands
from agents.supervisor.health import runner as runner_
from agents.supervisor.health.runner import Runner, Watch
from agents.supervisor.health.target import Target
from tests.harness.health import pids_in
from tests.harness.processes import lives, program
from tests.supervisor.health.conftest import Serve, probe_of, run


class Heard:
    """What a runner tells, and a wait for it."""

    def __init__(self) -> None:
        self.results: list[tuple[Watch, bool]] = []

    def __call__(self, watch: Watch, changed: bool) -> None:
        self.results.append((watch, changed))

    def of(self, watch: Watch) -> int:
        return sum(one is watch for one, _ in self.results)

    async def until(self, condition: Callable[[], object], timeout: float = 10) -> None:
        async with asyncio.timeout(timeout):
            while not condition():
                await asyncio.sleep(0.005)


def test_a_probe_is_asked_soon_and_then_in_its_period(
    target: Target, hands: Hands
) -> None:
    async def watch() -> float:
        heard = Heard()
        runner = Runner(hands, heard)
        one = runner.start(target, probe_of("silence", seconds=9, period=0.1))
        begun = time.monotonic()
        await heard.until(lambda: heard.of(one) >= 11)
        await runner.close()
        return time.monotonic() - begun

    looked = Signs(boot_seconds()).take(Look(boot_seconds(), 0, 0))
    target = replace(target, signs=lambda: looked)
    assert 0.9 <= run(watch()) <= 1.6


def test_changes_are_told_apart_from_results(
    target: Target, hands: Hands, serve: Serve, closed_port: int
) -> None:
    async def watch() -> None:
        heard = Heard()
        runner = Runner(hands, heard)
        bad = runner.start(
            target, probe_of("tcp", port=closed_port, period=0.03, failures=3)
        )
        server = serve(lambda _: None)
        good = runner.start(target, probe_of("tcp", port=server.port, period=0.03))
        await heard.until(lambda: min(heard.of(good), heard.of(bad)) >= 6)
        await runner.close()
        assert (good.tally.state, bad.tally.state) == (
            ProbeState.PASSING,
            ProbeState.FAILING,
        )
        changes = [one for one, changed in heard.results if changed]
        assert sorted(changes, key=id) == sorted([good, bad], key=id)
        assert good.latest is not None and bad.latest is not None
        assert bad.latest.detail == "connection refused"

    run(watch())


def test_failures_within_the_grace_or_before_it_is_ready_do_not_count(
    target: Target, hands: Hands, closed_port: int
) -> None:
    probe = probe_of("tcp", port=closed_port, period=0.02, failures=1)
    young = replace(target, began=boot_seconds())
    unready = replace(target, ready=lambda: False)

    async def watch() -> None:
        heard = Heard()
        runner = Runner(hands, heard)
        watches = [runner.start(one, probe) for one in (young, unready, target)]
        await heard.until(lambda: min(map(heard.of, watches)) >= 5)
        await runner.close()
        states = [watch.tally.state.value for watch in watches]
        assert states == ["waiting", "waiting", "failing"]

    run(watch())


def test_a_dropped_probe_is_asked_no_more_and_its_program_ends(
    target: Target, hands: Hands, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    command = ["env", f"MARKER={marker}", *program("wait")]

    async def watch() -> None:
        heard = Heard()
        runner = Runner(hands, heard)
        one = runner.start(target, probe_of("exec", command=command, period=0.1))
        await heard.until(lambda: pids_in(marker))
        runner.drop(one)
        [pid] = pids_in(marker)
        await heard.until(lambda: not lives(pid))
        await asyncio.sleep(0.3)
        assert heard.results == []
        assert pids_in(marker) == [pid]
        await runner.close()

    run(watch())


def test_closing_ends_what_runs_and_what_waits(
    target: Target, hands: Hands, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    command = ["env", f"MARKER={marker}", *program("wait")]

    async def watch() -> None:
        heard = Heard()
        runner = Runner(hands, heard)
        for _ in range(3 * runner_.MOST_PROGRAMS):
            probe = probe_of("exec", command=command, period=0.05, timeout=30.0)
            runner.start(target, probe)
        await heard.until(lambda: len(pids_in(marker)) >= runner_.MOST_PROGRAMS)
        await runner.close()

    run(watch())
    pids = pids_in(marker)
    assert len(pids) == runner_.MOST_PROGRAMS, "no more than that at once"
    assert not any(map(lives, pids))


def test_two_thousand_probes_cost_little_and_are_spread(
    target: Target, hands: Hands, serve: Serve
) -> None:
    """A fleet that is adopted at once is not asked at once."""
    looked = Signs(boot_seconds()).take(Look(boot_seconds(), 0, 0))
    target = replace(target, signs=lambda: looked)

    async def watch() -> tuple[float, int]:
        heard = Heard()
        runner = Runner(hands, heard)
        begun, cpu = asyncio.get_running_loop().time(), time.process_time()
        watches = [
            runner.start(target, probe_of("silence", seconds=60.0)) for _ in range(2000)
        ]
        await asyncio.sleep(1.0)
        early = len(heard.results)
        await heard.until(lambda: len(heard.results) >= 2000)
        assert asyncio.get_running_loop().time() - begun < 4
        assert all(heard.of(one) == 1 for one in watches[::200])
        cost = time.process_time() - cpu
        await runner.close()
        return cost, early

    cost, early = run(watch())
    assert 500 < early < 1500
    assert cost < 1.0


def test_without_probes_there_is_no_timer_and_no_task(hands: Hands) -> None:
    async def watch() -> None:
        before = asyncio.all_tasks()
        runner = Runner(hands, Heard())
        assert runner._timer is None
        assert asyncio.all_tasks() == before
        await runner.close()

    run(watch())
