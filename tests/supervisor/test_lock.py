"""The node's lock: one supervisor, known by name, gone with its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.services.presence import is_held, lock_path
from agents.supervisor.lock import Held, NodeLock
from tests.harness.processes import ROOT
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("data")

HOLDER = (
    "import django, time; django.setup()\n"
    "from agents.supervisor.lock import NodeLock\n"
    "lock = NodeLock('local'); lock.take(); lock.say(pid=1234, url='http://there/')\n"
    "print('taken', flush=True); time.sleep(60)\n"
)


def hold_elsewhere(data: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=ROOT,
        env={
            **os.environ,
            "AGENTHUB_DATA_DIR": str(data),
            "DJANGO_SETTINGS_MODULE": "agenthub.settings",
        },
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"taken\n"
    process.stdout.close()
    return process


def test_it_is_taken_once_and_given_back() -> None:
    lock, other = NodeLock("local"), NodeLock("local")
    assert not is_held("local")
    lock.take()
    lock.take()
    assert lock.held
    assert is_held("local")
    with pytest.raises(Held):
        other.take()
    assert not other.held
    lock.release()
    lock.release()
    assert not is_held("local")
    other.take()
    other.release()


def test_asking_does_not_take_it_and_does_not_lose_it() -> None:
    lock = NodeLock("local")
    lock.take()
    assert is_held("local")
    assert is_held("local")
    assert lock_path("local").read_text()
    with pytest.raises(Held):
        NodeLock("local").take()
    lock.release()


def test_nodes_have_locks_of_their_own() -> None:
    lock = NodeLock("local")
    lock.take()
    assert not is_held("other")
    lock.release()


def test_the_refusal_says_who_holds_it(data: Path) -> None:
    with hold_elsewhere(data) as holder:
        with pytest.raises(Held) as refusal:
            NodeLock("local").take()
        holder.kill()
    assert str(refusal.value) == (
        f"node 'local' of {data} is already supervised by process 1234, "
        "at http://there/"
    )


def test_it_ends_with_its_process_however_that_ends(data: Path) -> None:
    with hold_elsewhere(data) as holder:
        assert is_held("local")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert not is_held("local")


def test_children_do_not_inherit_it() -> None:
    lock = NodeLock("local")
    lock.take()
    # Without close_fds it is the flag at the descriptor that counts.
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        lock.release()
        until(lambda: not is_held("local"), timeout=1, what="the lock to be free")
    finally:
        child.kill()
        child.wait()


def test_a_lock_file_with_nonsense_in_it_is_taken_all_the_same() -> None:
    lock_path("local").write_text("{half a")
    lock = NodeLock("local")
    lock.take()
    assert json.loads(lock_path("local").read_text()) == {"pid": os.getpid()}
    lock.release()


def test_it_is_private() -> None:
    lock = NodeLock("local")
    lock.take()
    assert lock_path("local").stat().st_mode & 0o777 == 0o600
    lock.release()
