"""One fleet and its hubs, which come and are killed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from random import Random

from agents.models import Agent, Run
from agents.policy.clock import boot_seconds
from agents.policy.states import Action
from agents.services import lifecycle
from agents.services.lifecycle import Asker
from tests.harness.processes import kill_marked
from tests.harness.waiting import until
from tests.torture.fleet import Temperament, make_fleet, notes
from tests.torture.hub import ARMED, BEGUN, FIRED
from tests.torture.invariants import Witness
from tests.torture.points import Point

ROOT = Path(__file__).resolve().parents[2]
TORTURER = Asker("the torturer", "test")
SUPERVISE = ("supervise",)
HUBS_LOG = "hubs.log"


class Nursery:
    """Where processes come from that know the points; see `hub.py`."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        with (folder / HUBS_LOG).open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.hub", str(folder)],
                cwd=ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def run(self, *command: str) -> Process:
        """Run a management command."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        print(json.dumps(command), file=self._popen.stdin, flush=True)
        return Process(int(self._popen.stdout.readline()))

    def close(self) -> None:
        """No more of them."""
        self._popen.communicate(timeout=10)


class Process:
    """One that the nursery has forked, and reaps."""

    def __init__(self, pid: int) -> None:
        self._pidfd = os.pidfd_open(pid)

    @property
    def lives(self) -> bool:
        """Whether it has not ended yet."""
        return not select.select([self._pidfd], [], [], 0)[0]

    def kill(self) -> None:
        """KILL, if it is still there; back once it is gone."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        until(lambda: not self.lives, what="KILL to work")
        os.close(self._pidfd)


class Arena:
    """`folder` is all its own; `data`: where the hubs, and this process, have all."""

    def __init__(self, folder: Path, data: Path, agents: int, seed: str) -> None:
        self.folder = folder
        self.fleet: dict[int, Temperament] = make_fleet(folder, agents, seed)
        ours = Agent.objects.filter(pk__in=self.fleet)
        self.names = dict(ours.values_list("pk", "name"))
        self.witness = Witness(folder, data, self.fleet)
        self.asked = 0
        self._log, self._read = folder / HUBS_LOG, 0
        self.hub: Process | None = None
        # Of the latest convergence: what came true last.
        self.last_untrue: list[str] = []
        env = {
            "AGENTHUB_DATA_DIR": str(data),
            "DJANGO_SETTINGS_MODULE": "agenthub.settings",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
        }
        self.nursery = Nursery(folder, env)

    # -- hubs --

    def start(self, command: Sequence[str] = SUPERVISE) -> None:
        """A new hub begins."""
        assert self.hub is None, "There is a hub already."
        (self.folder / BEGUN).unlink(missing_ok=True)
        self.hub = self.nursery.run(*command)

    def have_a_hub(self) -> None:
        """See that there is one, whatever became of the last."""
        if self.hub_is_dead:
            if self.hub is not None:
                self.kill()
            self.start()

    def kill(self) -> None:
        """KILL to the hub, if it has not done so itself."""
        assert self.hub is not None, "There is no hub."
        self.hub.kill()
        self.hub = None
        (self.folder / ARMED).unlink(missing_ok=True)

    def arm(self, point: Point, passage: int | None = None) -> None:
        """The next process that comes to the point so often dies there."""
        (self.folder / FIRED).unlink(missing_ok=True)
        words = f"{passage or point.passage} {point.name}"
        (self.folder / "arming").write_text(words)
        os.rename(self.folder / "arming", self.folder / ARMED)

    @property
    def fired(self) -> bool:
        """Whether the armed point was some process's end."""
        return (self.folder / FIRED).exists()

    @property
    def hub_is_dead(self) -> bool:
        """Whether the hub has ended, by whatever hand."""
        return self.hub is None or not self.hub.lives

    def wait_for_death(self, timeout: float = 10.0) -> None:
        """Until the hub has died at the armed point."""
        until(
            lambda: self.fired and self.hub_is_dead,
            timeout=timeout,
            what="the hub to come to the point",
        )
        self.kill()

    # -- what is asked and what comes true --

    def ask(self, action: Action, agents: Collection[int] = ()) -> None:
        """Record a wish for these agents, or for all, as any door does."""
        self.asked += len(lifecycle.ask(action, agents or self.fleet, TORTURER))

    def some(self, random: Random, at_most: int) -> list[int]:
        """A few agents by chance."""
        return random.sample(sorted(self.fleet), random.randint(1, at_most))

    def kinds(self, *, mortal: bool) -> list[int]:
        """The agents that end by themselves, or those that do not."""
        return [pk for pk, one in self.fleet.items() if one.mortal is mortal]

    def converge(self, since: float | None = None, patience: float = 30.0) -> float:
        """Wait until all is true; seconds since then, or since the hub has begun.

        All at once of those that do as they are told, each once of the mortals.
        """
        if since is None:
            since = until(self._begun, timeout=60.0, what="the hub to begin")
        # Those that come and go by themselves are never all still at one time.
        restless = set(self.kinds(mortal=True))
        while True:
            looked = boot_seconds()
            faults = self.witness.untrue()
            restless &= faults.keys()
            open_ones = [
                f"{self.names[pk]}: {fault}"
                for pk, fault in faults.items()
                if pk in restless or not self.fleet[pk].mortal
            ]
            took = looked - since
            if not open_ones:
                return took
            self.last_untrue = open_ones
            if self.hub_is_dead:
                raise AssertionError("There is no hub to make it true.")
            if took > patience:
                raise AssertionError(
                    f"Not true after {took:.1f} s:\n" + "\n".join(open_ones)
                )
            time.sleep(0.02)

    def _begun(self) -> float | None:
        with contextlib.suppress(FileNotFoundError):
            return float((self.folder / BEGUN).read_text())
        assert not self.hub_is_dead, "The hub has ended."
        return None

    def settle(self, action: Action, agents: Collection[int] = ()) -> float:
        """Ask, and wait until it is so; the seconds it took."""
        asked = boot_seconds()
        self.ask(action, agents)
        return self.converge(since=asked)

    def judge(self) -> None:
        """Judge what has ended since the last time, and what hubs complain about."""
        self.witness.judge_history()
        with self._log.open("rb") as log:
            log.seek(self._read)
            news = log.read()
        self._read += (whole := news.rfind(b"\n") + 1)
        for line in news[:whole].decode(errors="replace").splitlines():
            if any(word in line for word in (" ERROR ", " WARNING ", "Traceback")):
                words = f"a hub complains: {line}"
                self.witness.verdict.note("broken_promises", words)

    # -- the end --

    @property
    def processes_seen(self) -> int:
        """How many processes the fleet has had."""
        return sum(len(notes(self.folder, name)) for name in self.names.values())

    def close(self) -> None:
        """Kill all by the hub, judge what is left to judge, and leave nothing."""
        try:
            self.have_a_hub()
            self.ask(Action.KILL)
            self.converge(since=boot_seconds())
            self.judge()
            self.witness.judge_changes()
        finally:
            if self.hub is not None:
                self.kill()
            self.nursery.close()
            runs = Run.objects.filter(agent__in=self.fleet)
            kill_marked(list(runs.values_list("pk", flat=True)))
