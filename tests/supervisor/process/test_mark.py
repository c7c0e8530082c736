"""The mark: worn by all that a run starts, and by nobody else."""

from __future__ import annotations

import os
import resource
import uuid
from pathlib import Path

import pytest

from agents.adapters.launch import Launch
from agents.supervisor.process import mark, part
from tests.harness.health import pids_in
from tests.harness.processes import lives, program, run_python
from tests.harness.waiting import until
from tests.supervisor.process.conftest import Spawner

RLIMIT_LOCKS = 10


def test_a_mark_is_its_runs_own_and_looks_like_no_real_limit() -> None:
    marks = {mark.mark_of(uuid.uuid4()) for _ in range(1000)}
    assert len(marks) == 1000
    assert all(1 << 56 <= one < 1 << 57 for one in marks)


def test_the_wearers_own_limit_is_as_before() -> None:
    before = resource.getrlimit(RLIMIT_LOCKS)
    with mark.wearing(mark.mark_of(uuid.uuid4())):
        assert resource.getrlimit(RLIMIT_LOCKS) != before
    assert resource.getrlimit(RLIMIT_LOCKS) == before


def test_the_wearers_own_limit_is_as_before_after_an_error() -> None:
    before = resource.getrlimit(RLIMIT_LOCKS)
    with pytest.raises(ZeroDivisionError), mark.wearing(mark.mark_of(uuid.uuid4())):
        raise ZeroDivisionError
    assert resource.getrlimit(RLIMIT_LOCKS) == before


def test_who_was_spawned_wears_the_mark_and_the_parent_does_not(
    spawner: Spawner,
) -> None:
    one = spawner.program("wait")
    one.wait_for("ready")
    assert mark.read_mark(one.pid) == mark.mark_of(one.run_id)
    assert mark.read_mark(os.getpid()) is None


def test_a_daemon_with_an_empty_environment_still_wears_the_mark(
    spawner: Spawner,
) -> None:
    one = spawner.program("daemon")
    one.wait_for("ready")
    [daemon] = one.noted("daemon")
    assert mark.read_run_variable(daemon) is None
    assert os.getsid(daemon) != one.pid
    assert mark.read_mark(daemon) == mark.mark_of(one.run_id)


def test_the_environment_is_read_too(spawner: Spawner) -> None:
    one = spawner.program("wait")
    one.wait_for("ready")
    [child] = one.noted("leader")
    assert mark.read_run_variable(child) == str(one.run_id)


def test_a_process_that_is_gone_wears_nothing(spawner: Spawner) -> None:
    one = spawner.program("end", "0")
    one.exit_code()
    assert mark.read_mark(one.pid) is None
    assert mark.read_run_variable(one.pid) is None


def test_a_low_hard_limit_is_no_error() -> None:
    # In a process of its own: a hard limit cannot be raised again by everybody.
    done = run_python(
        "resource.setrlimit(10, (100, 100))\n"
        "with mark.wearing(mark.mark_of(uuid.uuid4())):\n"
        "    assert resource.getrlimit(10) == (100, 100)\n"
        "assert resource.getrlimit(10) == (100, 100)\n",
        "import resource, uuid\nfrom agents.supervisor.process import mark\n",
    )
    assert done.returncode == 0, done.stderr


def test_a_probes_mark_is_no_runs_and_tells_its_run() -> None:
    run_id, other = uuid.uuid4(), uuid.uuid4()
    marks = {mark.probe_mark(run_id, slot) for slot in range(256)}
    assert len(marks) == 256
    assert all(mark.is_probe(one) for one in marks)
    assert not mark.is_probe(mark.mark_of(run_id))
    assert {mark.of_one_run(one) for one in marks} == {mark.probe_mark(run_id, 0)}
    assert mark.of_one_run(mark.probe_mark(other, 7)) not in marks
    assert max(marks) < 2**63, "the kernel takes no more"


def test_a_part_of_a_run_wears_the_runs_mark_and_its_own(
    spawner: Spawner, tmp_path: Path
) -> None:
    one = spawner.program("daemon")
    first, *words = program("daemon")
    launch = Launch((first, *words), "/", {"MARKER": str(tmp_path / "marker")})
    begun = part.begin(launch, tmp_path / "part", one.run_id)
    try:
        until(lambda: len(pids_in(tmp_path / "marker")) == 2)
        daemon = pids_in(tmp_path / "marker")[1]
        assert mark.read_mark(daemon) == mark.mark_of(one.run_id)
        assert mark.read_part_mark(daemon) == begun.mark
        one.wait_for("ready")
        [other] = one.noted("daemon")
        assert mark.read_part_mark(other) is None
    finally:
        ended = part.end(begun)
    assert (ended.left, ended.stuck) == (3, 0)
    assert not lives(daemon)
    assert lives(other), "what belongs to the run and not to the part is let be"


def test_both_limits_of_the_wearer_are_as_before() -> None:
    limits = (RLIMIT_LOCKS, resource.RLIMIT_RSS)
    before = [resource.getrlimit(limit) for limit in limits]
    with mark.wearing(mark.mark_of(uuid.uuid4()), mark.mark_of(uuid.uuid4())):
        within = [resource.getrlimit(limit) for limit in limits]
    assert all(one != two for one, two in zip(before, within, strict=True))
    assert [resource.getrlimit(limit) for limit in limits] == before
