"""Spawning: what the program gets, what it leaves, and what it does not get."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.adapters.launch import Launch
from agents.supervisor.process import exit_file, spawn
from tests.harness.processes import lives, marked, run_python
from tests.harness.waiting import until
from tests.supervisor.process.conftest import Spawner

STANDARD_SIGNALS = (1 << 31) - 1


def own_descriptors() -> set[int]:
    """Those that are open now; the listing's own is closed again."""
    return {fd for name in os.listdir("/proc/self/fd") if is_open(fd := int(name))}


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("code", [0, 1, 7, 127, 255])
def test_the_exit_code_is_the_programs_and_in_the_file(
    spawner: Spawner, code: int
) -> None:
    one = spawner("sh", "-c", f"exit {code}")
    assert one.exit_code() == code
    left = exit_file.read(one.folder / "exit")
    assert left is not None
    assert left[0] == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_an_end_by_a_signal_is_128_and_its_number(
    spawner: Spawner, number: signal.Signals
) -> None:
    one = spawner("sh", "-c", f"kill -{int(number)} $$")
    assert one.exit_code() == 128 + number
    left = exit_file.read(one.folder / "exit")
    assert left is not None
    assert left[0] == 128 + number


@pytest.mark.parametrize(
    "name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "PIPE", "VTALRM"]
)
def test_the_shim_outlives_any_polite_signal_and_tells_the_programs_code(
    spawner: Spawner, name: str
) -> None:
    one = spawner("sh", "-c", f"trap 'exit 3' {name}; echo ready; sleep 20 & wait")
    one.wait_for("ready")
    os.killpg(one.pid, signal.Signals[f"SIG{name}"])
    assert one.exit_code() == 3


def test_before_the_end_the_file_says_not_yet(spawner: Spawner) -> None:
    one = spawner.program("wait")
    one.wait_for("ready")
    assert (one.folder / "exit").stat().st_size == 4
    assert exit_file.read(one.folder / "exit") is None


def test_the_status_is_written_where_no_new_block_can_be_had(
    spawner: Spawner, small_disk: Path
) -> None:
    spawner.root = small_disk
    one = spawner(
        "sh", "-c", "echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 9"
    )
    one.wait_for("ready")
    with (
        pytest.raises(OSError, match="No space left"),
        (small_disk / "big").open("wb", buffering=0) as file,
    ):
        while file.write(b"x" * 512):
            pass
    os.symlink("/dev/null", small_disk / "go")
    assert one.exit_code() == 9
    left = exit_file.read(one.folder / "exit")
    assert left is not None
    assert left[0] == 9


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(path)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_streams_go_apart_into_files_that_are_appended_to(spawner: Spawner) -> None:
    one = spawner("sh", "-c", "echo a; echo b >&2; echo c; exit 4")
    assert one.exit_code() == 4
    assert one.out() == "a\nc\n"
    assert (one.folder / "err").read_text() == "b\n"


def test_a_truncated_file_gets_no_hole_because_it_is_appended_to(
    spawner: Spawner,
) -> None:
    one = spawner.program("echo", "0.005")
    one.wait_for("line 3")
    os.truncate(one.folder / "out", 0)
    text = until(one.out, what="more output")
    assert text.startswith("line ")


def test_the_shell_of_the_shim_says_nothing_of_its_own(spawner: Spawner) -> None:
    one = spawner("sh", "-c", "echo mine >&2; kill -KILL $$")
    assert one.exit_code() == 137
    assert (one.folder / "err").read_text() == "mine\n"
    assert one.out() == ""


def test_arguments_never_pass_a_shell(spawner: Spawner) -> None:
    words = ["a b", "$HOME", "`id`", "*", "'\"\\", "", "-n", ";", "é\n"]
    code = "import sys; print(sys.argv[1:], end='')"
    one = spawner(sys.executable, "-c", code, *words)
    assert one.exit_code() == 0
    assert one.out() == repr(words)


def test_the_program_inherits_three_descriptors_and_no_more(spawner: Spawner) -> None:
    with Path("/dev/null").open() as file:
        os.set_inheritable(file.fileno(), True)
        one = spawner.program("inheritance")
        text = one.wait_for("ready")
    [line] = [line for line in text.splitlines() if line.startswith("fds")]
    assert line == "fds 0 1 2"
    names = {n: os.readlink(f"/proc/{one.noted('leader')[0]}/fd/{n}") for n in range(3)}
    assert names == {
        0: "/dev/null",
        1: str(one.folder / "out"),
        2: str(one.folder / "err"),
    }


def test_no_signal_is_ignored_or_blocked_in_the_program(spawner: Spawner) -> None:
    before = signal.signal(signal.SIGUSR2, signal.default_int_handler)
    try:
        one = spawner("cat", "/proc/self/status")
        assert one.exit_code() == 0
    finally:
        signal.signal(signal.SIGUSR2, before)
    fields = dict(line.split(":\t", 1) for line in one.out().splitlines())
    # 32 and 33 are libc's own, and make leaves them ignored.
    assert int(fields["SigIgn"], 16) & STANDARD_SIGNALS == 0
    assert int(fields["SigBlk"], 16) == 0
    assert int(fields["SigCgt"], 16) == 0


def test_the_program_leads_a_session_and_group_of_its_own(spawner: Spawner) -> None:
    one = spawner.program("wait")
    one.wait_for("ready")
    [program] = one.noted("leader")
    assert os.getsid(program) == os.getpgid(program) == one.pid
    assert one.pid != os.getsid(0)


def test_nothing_is_on_the_standard_input(spawner: Spawner) -> None:
    one = spawner.program("listen")
    one.wait_for("end of input")


def test_a_pipe_as_standard_input_never_ends(spawner: Spawner) -> None:
    one = spawner.program("listen", stdin="fifo")
    one.wait_for("ready")
    for word in ("one", "two"):  # Each writer goes again: no end of input by that.
        with (one.folder / "stdin").open("w") as file:
            file.write(f"{word}\n")
        one.wait_for(f"heard {word}")
    assert "end of input" not in one.out()


def test_files_are_private(spawner: Spawner) -> None:
    one = spawner.program("listen", stdin="fifo")
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in one.folder.iterdir()}
    assert modes == dict.fromkeys(("out", "err", "exit", "stdin"), "0o600")
    assert one.folder.stat().st_mode & 0o777 == 0o700


def test_a_run_folder_is_never_used_twice(spawner: Spawner) -> None:
    one = spawner.program("wait")
    with pytest.raises(FileExistsError):
        spawn.lay_out(one.folder, "none")


def test_spawning_leaves_one_descriptor_which_is_the_pidfd(spawner: Spawner) -> None:
    before = own_descriptors()
    spawned = [spawner("true") for _ in range(20)]
    pidfds = {one.process.pidfd for one in spawned}
    assert own_descriptors() - before == pidfds
    for one in spawned:
        one.exit_code()


def test_a_spawn_that_fails_leaves_nothing(tmp_path: Path) -> None:
    before, run_id = own_descriptors(), uuid.uuid4()
    launch = Launch(argv=("true",), cwd=str(tmp_path / "missing"))
    spawn.lay_out(tmp_path / "run", launch.stdin)
    with pytest.raises(FileNotFoundError):
        spawn.spawn(launch, tmp_path / "run", run_id)
    assert own_descriptors() == before
    assert marked([run_id]) == {}


def test_a_spawn_that_cannot_be_watched_is_undone(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptor for the pidfd: nobody would see this process again."""

    def none_left(pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", none_left)
    run_id = uuid.uuid4()
    launch = Launch(argv=("sleep", "60"), cwd="/", env={"PATH": os.environ["PATH"]})
    spawn.lay_out(spawner.root / "run", launch.stdin)
    try:
        with pytest.raises(OSError, match="Too many open files"):
            spawn.spawn(launch, spawner.root / "run", run_id)
        # Killed is killed, but the shim's child may need a moment to be gone.
        until(lambda: marked([run_id]) == {}, what="the group to be gone")
    finally:
        monkeypatch.undo()
        for pid in marked([run_id]):
            os.kill(pid, signal.SIGKILL)


def test_without_descriptors_the_reason_names_them(tmp_path: Path) -> None:
    done = run_python(
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "launch = Launch(argv=('true',), cwd='/')\n"
        "lay_out_all([(folder / 'run', 'none')])\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))\n"
        "[one] = spawn_all([(uuid.uuid4(), launch, folder / 'run')])\n"
        "print(one.hopeless, one.why)\n",
        "import resource, pathlib, uuid\n"
        "from agents.adapters.launch import Launch\n"
        "from agents.supervisor.handiwork import lay_out_all, spawn_all\n",
    )
    said = "False could not spawn: Too many open files (errno 24)\n"
    assert done.stdout == said, done.stderr


def test_a_closed_output_ends_nothing(spawner: Spawner) -> None:
    one = spawner.program("deaf")
    until(lambda: one.noted("deaf"), what="the program to close its streams")
    assert lives(one.noted("deaf")[0])
    assert lives(one.pid)
